from core.listing import JobQuery
from fastapi_app.api.texts import KEPT, PageTexts


def test_a_list_that_nothing_changed_has_the_same_text(world):
    world.a_job("photos")
    manager, texts = world.house.service.manager, PageTexts()

    first = texts.of(JobQuery(), manager.list_jobs())
    second = texts.of(JobQuery(), manager.list_jobs())
    world.a_job("films")
    third = texts.of(JobQuery(), manager.list_jobs())

    assert second is first
    assert ("films" in first, "films" in third) == (False, True)


def test_texts_of_lists_that_nobody_asks_for_any_more_go(world):
    world.a_job()
    manager, texts = world.house.service.manager, PageTexts()
    first = texts.of(JobQuery(), manager.list_jobs())

    for number in range(KEPT):
        query = JobQuery(text=str(number))
        texts.of(query, manager.list_jobs(query))
    again = texts.of(JobQuery(), manager.list_jobs())

    assert again == first
    assert again is not first
