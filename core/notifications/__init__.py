"""Tells people what happened: in the application, by mail, chat or push, and to other programs.

What happens on the bus becomes a notice (`noticing`), rules say whom it goes to (`rules`), the log keeps notices
and messages in one line each (`keeping`), and every channel has a thread of its own that sends what is due
(`senders`). `office` puts it together.
"""
