// A movie shows one of its frames until it plays: the picture behind it, once that has come into view and was loaded.
"use strict";
for (const video of document.querySelectorAll(".movie video")) {
  const still = video.parentElement.querySelector("img");
  const show = () => { video.poster = still.src; };
  if (still && still.complete && still.naturalWidth) show();
  else if (still) still.addEventListener("load", show);
}
