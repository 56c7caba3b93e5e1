// Takes the one-time code out of the address, so that it does not stay in it.
"use strict";
(() => {
  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text; // a lone % was never encoded
    }
  }

  function take() {
    const code = decoded(location.hash.slice(1)).replace(/^code=/, "");
    if (!code) return;
    document.getElementById("code").value = code;
    history.replaceState(null, "", location.pathname);
    document.getElementById("username").focus();
  }

  window.addEventListener("hashchange", take); // the link was pasted into a tab that is here already
  take();
})();
