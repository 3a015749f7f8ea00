// Curves over the rounds. All charts of a page share their stretch of rounds and their cursor.
(() => {
  "use strict";
  const source = document.getElementById("curves-data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const root = document.getElementById("charts");
  const readout = document.getElementById("readout");
  const HEADINGS = { metrics: "Metrics on held-out samples", signals: "Signals", other: "Other figures" };
  const COLOURS = 8;
  const ends = data.charts.flatMap((chart) => chart.lines.flatMap((line) =>
    [line.raw.rounds[0], line.raw.rounds[line.raw.rounds.length - 1], line.raw.broken[0]])).filter(Number.isFinite);
  if (!ends.length) return;
  const first = Math.min(...ends), last = Math.max(...ends, first + 1);
  const state = { values: "raw", scale: "auto", layout: "together", from: first, to: last, at: null };
  const hidden = new Set();
  let drawn = [];

  // ------------------------------------------------------------------------------------------- what is drawn

  function panels() {
    const found = [];
    for (const chart of data.charts) {
      if (chart.kind === "losses") {
        found.push({ heading: chart.title, ...(data.several || state.layout === "apart" ? apart(chart) : together(chart)) });
      } else if (chart.lines.some((line) => line.raw.rounds.length > 1 || line.raw.broken.length)) {
        const heading = HEADINGS[chart.kind];
        let panel = found.find((each) => each.heading === heading && each.small);
        if (!panel) found.push((panel = { heading, small: true, charts: [] }));
        panel.charts.push({ title: chart.title, lines: chart.lines.map((line) => of(line, runName(line), line.run)) });
      }
    }
    return found;
  }

  function together(chart) {
    return { small: false, charts: [{ title: "", lines: chart.lines.map((line, index) => of(line, line.name, index, chart.title)) }] };
  }

  function apart(chart) {
    const names = [...new Set(chart.lines.map((line) => line.name))];
    return {
      small: true,
      charts: names.map((name, index) => ({
        title: name,
        lines: chart.lines.filter((line) => line.name === name).map((line) =>
          data.several ? of(line, runName(line), line.run) : of(line, name, index, chart.title)),
      })),
    };
  }

  function of(line, label, colour, player) {
    const series = state.values === "weighted" && line.weighted ? line.weighted : line.raw;
    return { key: data.several ? `run ${line.run}` : `${player || ""}/${line.name}`, label, colour, series };
  }

  const runName = (line) => (data.several ? data.runs[line.run] : line.name.replace(/^[^/]*\//, ""));

  // ------------------------------------------------------------------------------------------------- scales

  function values(lines) {
    const found = [];
    for (const { key, series } of lines) {
      if (hidden.has(key)) continue;
      series.rounds.forEach((round, index) => {
        if (round >= state.from && round <= state.to) found.push(series.values[index]);
      });
    }
    return found;
  }

  function vertical(lines, top, bottom) {
    const seen = values(lines);
    let low = 0, high = 1, least = Infinity;
    if (seen.length) {
      low = Infinity; high = -Infinity;
      for (const value of seen) {
        if (value < low) low = value;
        if (value > high) high = value;
        if (value && Math.abs(value) < least) least = Math.abs(value);
      }
    }
    const log = state.scale === "log" || (state.scale === "auto" && low > 0 && high / low > 30);
    let to = (value) => value, note = "";
    if (log && low > 0) { to = Math.log10; note = "log scale"; }
    else if (log && least < Infinity) {
      const unit = Math.max(least, Math.max(Math.abs(low), Math.abs(high)) / 1e4);
      to = (value) => Math.sign(value) * Math.log10(1 + Math.abs(value) / unit);
      note = "symmetric log scale";
    }
    let a = to(low), b = to(high);
    const room = (b - a) * 0.05 || Math.abs(b) * 0.05 || 0.5;
    a -= room; b += room;
    const y = (value) => bottom - (to(value) - a) / (b - a) * (bottom - top);
    return { y, note, ticks: ticks(low, high, note).filter((tick) => y(tick) >= top - 1 && y(tick) <= bottom + 1) };
  }

  function ticks(low, high, note) {
    if (note === "log scale" && high / low >= 8) {
      const from = Math.floor(Math.log10(low)), to = Math.ceil(Math.log10(high));
      const steps = to - from <= 2 ? [1, 2, 5] : [1], skip = Math.ceil((to - from) / 6), found = [];
      for (let power = from; power <= to; power += skip) for (const step of steps) found.push(step * 10 ** power);
      return found;
    }
    if (note === "symmetric log scale") {
      const top = Math.floor(Math.log10(Math.max(Math.abs(low), Math.abs(high))));
      const found = [0];
      for (const power of [top, top - 1, top - 2]) found.push(10 ** power, -(10 ** power));
      return found;
    }
    return even(low, high, 5);
  }

  function even(low, high, most) {
    const rough = (high - low || Math.abs(high) || 1) / most, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((each) => each * power >= rough) * power, found = [];
    for (let tick = Math.ceil(low / step); tick * step <= high + step * 1e-9; tick++) found.push(tick * step);
    return found.length ? found : [low];
  }

  function shown(value) {
    const size = Math.abs(value);
    if (size && (size >= 1e6 || size < 1e-4)) return value.toExponential(2);
    return String(Number(value.toPrecision(4)));
  }

  // ------------------------------------------------------------------------------------------------- drawing

  function svg(name, attributes, text) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  function html(name, attributes, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  const look = (line) => `k${line.colour % COLOURS} d${Math.floor(line.colour / COLOURS) % 4}`;

  function build() {
    root.replaceChildren();
    drawn = [];
    for (const panel of panels()) {
      const grid = html("div", { class: panel.small ? "charts small" : "charts" });
      const heading = html("h3", {}, panel.heading, " ");
      root.append(heading, grid);
      for (const chart of panel.charts) {
        const note = html("span"), lone = chart.lines.length === 1 && !data.several, plot = html("div", { class: "plot", tabindex: "0", role: "group" });
        plot.setAttribute("aria-label", `Curves of ${chart.title || panel.heading}. Left and right move the cursor, ` +
          "plus and minus zoom, shift with left and right pans, Escape shows the whole run.");
        const keys = html("ul", { class: "keys" });
        const figure = html("figure", { class: "chart" }, ...(panel.small ? [html("figcaption", {}, chart.title, note)] : []), plot, ...(lone && panel.small ? [] : [keys]));
        if (!panel.small) heading.append(note);
        grid.append(figure);
        const one = { ...chart, small: panel.small, note, plot, keys: [] };
        for (const line of chart.lines) {
          const sample = svg("svg", { "aria-hidden": "true", class: look(line) });
          sample.append(svg("line", { x1: 0, x2: 18, y1: 4, y2: 4, class: look(line) }));
          const value = html("b");
          one.keys.push({ value });
          if (lone && panel.small) {
            // What would be hidden is the whole chart: its value stands beside its name instead.
            note.before(value);
            continue;
          }
          const key = html("button", { type: "button", "aria-pressed": String(!hidden.has(line.key)) }, sample, line.label, value);
          one.keys[one.keys.length - 1].key = key;
          key.addEventListener("click", () => {
            if (!hidden.delete(line.key)) hidden.add(line.key);
            for (const each of drawn) each.keys.forEach((button, index) =>
              button.key?.setAttribute("aria-pressed", String(!hidden.has(each.lines[index].key))));
            drawn.forEach(draw);
          });
          keys.append(html("li", {}, key));
        }
        drawn.push(one);
        steer(one);
      }
    }
    drawn.forEach(draw);
  }

  function draw(chart) {
    const width = Math.max(chart.plot.clientWidth, 120), height = chart.small ? 150 : 260;
    const left = 46, right = width - 8, top = 16, bottom = height - 22;
    const scale = vertical(chart.lines, top, bottom);
    const x = (round) => left + (round - state.from) / (state.to - state.from) * (right - left);
    Object.assign(chart, { x, scale, left, right, top, bottom });
    chart.note.textContent = scale.note;
    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, height, "aria-hidden": "true" });
    for (const tick of scale.ticks) {
      const y = scale.y(tick);
      picture.append(svg("line", { x1: left, x2: right, y1: y, y2: y, class: "gridline" }));
      picture.append(svg("text", { x: left - 6, y: y + 4, "text-anchor": "end" }, shown(tick)));
    }
    picture.append(svg("line", { x1: left, x2: right, y1: bottom, y2: bottom, class: "axis" }));
    for (const tick of even(state.from, state.to, Math.max(2, Math.floor(width / 110))).filter(Number.isInteger)) {
      const anchor = x(tick) > right - 20 ? "end" : x(tick) < left + 20 ? "start" : "middle";
      picture.append(svg("text", { x: x(tick), y: height - 6, "text-anchor": anchor }, tick.toLocaleString("en")));
    }
    const clip = `clip${drawn.indexOf(chart)}`, inner = svg("g", { "clip-path": `url(#${clip})` });
    const hole = svg("clipPath", { id: clip });
    hole.append(svg("rect", { x: left - 3, y: 0, width: right - left + 6, height: bottom + 3 }));
    picture.append(hole, inner);
    data.verdicts.forEach((verdict, index) => {
      if (verdict.round < state.from || verdict.round > state.to) return;
      inner.append(svg("line", { x1: x(verdict.round), x2: x(verdict.round), y1: top, y2: bottom, class: "mark" }));
      picture.append(svg("circle", { cx: x(verdict.round), cy: 8, r: 7, class: "flag" }));
      picture.append(svg("text", { x: x(verdict.round), y: 11.5, "text-anchor": "middle", class: "flagged" }, index + 1));
    });
    for (const line of chart.lines) {
      if (hidden.has(line.key)) continue;
      for (const way of ways(line.series, x, scale.y)) {
        inner.append(way.length > 1
          ? svg("path", { d: `M${way.join("L")}`, class: `line ${look(line)}` })
          : svg("circle", { cx: way[0].split(" ")[0], cy: way[0].split(" ")[1], r: 2.5, class: `dot ${look(line)}` }));
      }
      for (const round of line.series.broken) {
        const at = x(round);
        inner.append(svg("path", { d: `M${at - 4} ${bottom - 9}l8 8m0 -8l-8 8`, class: "broken" }));
      }
    }
    chart.over = svg("g");
    picture.append(chart.over);
    chart.plot.replaceChildren(picture);
    point(chart);
  }

  // The line's points, in stretches between the rounds in which it was no number.
  function ways(series, x, y) {
    const found = [];
    let way = [], gap = 0;
    series.rounds.forEach((round, index) => {
      while (gap < series.broken.length && series.broken[gap] < round) {
        gap++;
        if (way.length) found.push(way);
        way = [];
      }
      way.push(`${x(round).toFixed(1)} ${y(series.values[index]).toFixed(1)}`);
    });
    if (way.length) found.push(way);
    return found;
  }

  // ------------------------------------------------------------------------------------------------- cursor

  function nearest(rounds, round) {
    let low = 0, high = rounds.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rounds[middle] < round) low = middle + 1; else high = middle;
    }
    return low > 0 && round - rounds[low - 1] <= rounds[low] - round ? low - 1 : low;
  }

  function point(chart) {
    const at = state.at === null ? state.to : state.at;
    const inside = state.at !== null && at >= state.from && at <= state.to;
    chart.over.replaceChildren();
    if (inside) {
      const x = chart.x(at), end = x > (chart.left + chart.right) / 2;
      chart.over.append(svg("line", { x1: x, x2: x, y1: chart.top, y2: chart.bottom, class: "cursor" }));
      chart.over.append(svg("text", { x: x + (end ? -5 : 5), y: chart.top - 5, "text-anchor": end ? "end" : "start", class: "at" },
        Math.round(at).toLocaleString("en")));
    }
    chart.lines.forEach((line, index) => {
      const { rounds, values } = line.series;
      const found = rounds.length ? nearest(rounds, at) : -1;
      chart.keys[index].value.textContent = found < 0 ? "no number" : shown(values[found]);
      if (inside && found >= 0 && !hidden.has(line.key) && rounds[found] >= state.from && rounds[found] <= state.to) {
        chart.over.append(svg("circle", { cx: chart.x(rounds[found]), cy: chart.scale.y(values[found]), r: 3.2, class: `dot ${look(line)}` }));
      }
    });
  }

  function move(round) {
    state.at = round === null ? null : Math.min(last, Math.max(first, round));
    drawn.forEach(point);
  }

  function zoom(from, to) {
    const least = Math.min(4, last - first);
    from = Math.max(first, from); to = Math.min(last, to);
    if (to - from < least) {
      from = Math.max(first, Math.min((from + to) / 2 - least / 2, last - least));
      to = from + least;
    }
    state.from = from; state.to = to;
    document.getElementById("whole").disabled = from === first && to === last;
    drawn.forEach(draw);
  }

  function closer(factor) {
    const middle = state.at !== null && state.at >= state.from && state.at <= state.to ? state.at : (state.from + state.to) / 2;
    zoom(middle - (middle - state.from) * factor, middle + (state.to - middle) * factor);
  }

  function steer(chart) {
    const { plot } = chart;
    let begun = null;
    const round = (event) => {
      const x = event.clientX - plot.getBoundingClientRect().left;
      return state.from + (x - chart.left) / (chart.right - chart.left) * (state.to - state.from);
    };
    plot.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      begun = event.clientX;
      plot.setPointerCapture(event.pointerId);
    });
    plot.addEventListener("pointermove", (event) => {
      move(round(event));
      if (begun === null) return;
      const x = plot.getBoundingClientRect().left, a = Math.min(begun, event.clientX) - x, b = Math.max(begun, event.clientX) - x;
      chart.over.append(svg("rect", { x: a, y: chart.top, width: b - a, height: chart.bottom - chart.top, class: "chosen" }));
    });
    plot.addEventListener("pointerup", (event) => {
      if (begun === null) return;
      const moved = Math.abs(event.clientX - begun), here = round(event), there = round({ clientX: begun });
      begun = null;
      if (moved > 6) zoom(Math.min(here, there), Math.max(here, there));
      else document.dispatchEvent(new CustomEvent("round-chosen", { detail: here }));
    });
    plot.addEventListener("pointercancel", () => { begun = null; move(state.at); });
    plot.addEventListener("dblclick", () => zoom(first, last));
    plot.addEventListener("keydown", (event) => {
      const span = state.to - state.from, way = event.key === "ArrowLeft" ? -1 : 1;
      if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
        if (event.shiftKey) {
          const by = Math.max(first - state.from, Math.min(last - state.to, way * span / 4));
          zoom(state.from + by, state.to + by);
        } else move(Math.min(state.to, Math.max(state.from, (state.at === null ? state.to : state.at) + way * Math.max(1, Math.round(span / 100)))));
      } else if (event.key === "Home") move(state.from);
      else if (event.key === "End") move(state.to);
      else if (event.key === "+" || event.key === "=") closer(0.5);
      else if (event.key === "-") closer(2);
      else if (event.key === "Escape") zoom(first, last);
      else if (event.key === "Enter" && state.at !== null) document.dispatchEvent(new CustomEvent("round-chosen", { detail: state.at }));
      else return;
      event.preventDefault();
      readout.textContent = `round ${Math.round(state.at === null ? state.to : state.at)}: ` +
        chart.lines.map((line, index) => `${line.label} ${chart.keys[index].value.textContent}`).join(", ");
    });
  }

  document.getElementById("curve-tools").addEventListener("change", (event) => {
    if (!(event.target.name in state)) return;
    state[event.target.name] = event.target.value;
    build();
  });
  document.getElementById("closer").addEventListener("click", () => closer(0.5));
  document.getElementById("wider").addEventListener("click", () => closer(2));
  document.getElementById("whole").addEventListener("click", () => zoom(first, last));
  document.addEventListener("round-shown", (event) => move(event.detail));
  let width = 0;
  new ResizeObserver(() => {
    if (root.clientWidth !== width) { width = root.clientWidth; drawn.forEach(draw); }
  }).observe(root);
  build();
})();
