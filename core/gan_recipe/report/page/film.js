// The held-out sheets through time: one slider for all runs of the page.
(() => {
  "use strict";
  const source = document.getElementById("film-data");
  if (!source) return;
  const runs = JSON.parse(source.textContent);
  const slider = document.getElementById("film-slider");
  const told = document.getElementById("film-round");
  const play = document.getElementById("film-play");
  const rounds = [...new Set(runs.flatMap((run) => run.sheets.map((sheet) => sheet.round)))].sort((a, b) => a - b);
  let timer = 0;

  function show() {
    const round = rounds[slider.value];
    for (const run of runs) {
      // The newest sheet that the run had by then; its first one when it had none yet.
      const sheet = run.sheets.filter((each) => each.round <= round).pop() || run.sheets[0];
      const image = document.getElementById(run.image);
      if (image.getAttribute("src") !== sheet.uri) image.src = sheet.uri;
      image.alt = `Held-out sheet of ${run.name} at round ${sheet.round.toLocaleString("en")}: ${run.columns}`;
      const caption = document.getElementById(`${run.image}-caption`);
      if (caption) caption.textContent = `${run.name}, round ${sheet.round.toLocaleString("en")}`;
    }
    told.textContent = `round ${round.toLocaleString("en")}`;
    slider.setAttribute("aria-valuetext", told.textContent);
    document.dispatchEvent(new CustomEvent("round-shown", { detail: round }));
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Play";
  }

  slider.max = rounds.length - 1;
  slider.value = rounds.length - 1;
  slider.addEventListener("input", () => { stop(); show(); });
  play.addEventListener("click", () => {
    if (timer) return stop();
    if (Number(slider.value) === rounds.length - 1) slider.value = 0;
    play.textContent = "Stop";
    show();
    timer = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      show();
      if (Number(slider.value) === rounds.length - 1) stop();
    }, 350);
  });
  document.addEventListener("round-chosen", (event) => {
    stop();
    let nearest = 0;
    rounds.forEach((round, index) => {
      if (Math.abs(round - event.detail) < Math.abs(rounds[nearest] - event.detail)) nearest = index;
    });
    slider.value = nearest;
    show();
  });
  show();
})();
