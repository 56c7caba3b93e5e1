// Takes the one-time code out of the address, so that it does not stay in it.
"use strict";
(() => {
  const code = decodeURIComponent(location.hash.slice(1)).replace(/^code=/, "");
  if (!code) return;
  const field = document.getElementById("code");
  field.value = code;
  history.replaceState(null, "", location.pathname);
  document.getElementById("username").focus();
})();
