// The index: what is typed must all be found in a run's words, in any order.
(() => {
  "use strict";
  const search = document.getElementById("search");
  const told = document.getElementById("found");
  const cards = [...document.querySelectorAll(".cards > li")];
  const texts = cards.map((card) => card.textContent.toLowerCase());
  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    cards.forEach((card, index) => {
      card.hidden = !words.every((word) => texts[index].includes(word));
      found += card.hidden ? 0 : 1;
    });
    told.textContent = `${found.toLocaleString("en")} of ${cards.length.toLocaleString("en")} runs`;
  }
  search.addEventListener("input", filter);
  filter();
})();
