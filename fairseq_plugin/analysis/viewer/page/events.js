// What a person does with keys and pointer, and the start of it all.

// The next place after a key, or undefined. Left and right follow the direction of the text.
function moved(key, place, count, page, backwards) {
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -count, End: count };
  if (page === 1) Object.assign(steps, { ArrowRight: backwards ? -1 : 1, ArrowLeft: backwards ? 1 : -1 });
  if (!(key in steps) || !count) return undefined;
  return Math.max(0, Math.min(count - 1, place + steps[key]));
}

function pointed(event) {
  const box = at("heat").getBoundingClientRect();
  const [s, t] = [event.clientX - box.left, event.clientY - box.top].map((offset) => Math.floor(offset / state.side));
  const { source, target } = state.sentence;
  return s >= 0 && t >= 0 && s < source.length && t < target.length ? [t, s] : null;
}

function showHover(event) {
  const place = pointed(event);
  const hover = at("hover");
  hover.hidden = !place;
  if (!place) return;
  const [t, s] = place;
  const { source, target } = state.sentence;
  hover.textContent = `${isolated(target[t])} reads ${isolated(source[s])}: ${number(state.weights[t * source.length + s])}`;
  if (t !== state.target || s !== state.source) light(t, s);
  hover.style.left = `${Math.max(0, Math.min(event.clientX + 14, innerWidth - hover.offsetWidth - 4))}px`;
  hover.style.top = `${Math.max(0, Math.min(event.clientY + 14, innerHeight - hover.offsetHeight - 4))}px`;
}

function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function nameTheme() {
  at("theme").textContent = isDark() ? "Light theme" : "Dark theme";
}

function listen() {
  at("search").addEventListener("input", arrange);
  at("sort").addEventListener("change", arrange);
  at("list").addEventListener("scroll", drawList, { passive: true });
  addEventListener("resize", drawList);
  at("list").addEventListener("click", (event) => {
    const row = event.target.closest("[role=option]");
    if (row) choose(Number(row.id.slice(4)));
  });
  at("list").addEventListener("keydown", (event) => {
    const page = Math.max(2, Math.floor(at("list").clientHeight / ROW) - 1);
    const place = moved(event.key, state.place, state.order.length, page, false);
    if (place === undefined) return;
    event.preventDefault();
    choose(place);
  });
  const indexOf = (event) => [...at("target").children].indexOf(event.target.closest(".token"));
  for (const kind of ["mouseover", "click", "focusin"]) {
    at("target").addEventListener(kind, (event) => {
      const t = indexOf(event);
      if (t >= 0 && (t !== state.target || state.source >= 0)) light(t);
    });
  }
  at("target").addEventListener("keydown", (event) => {
    const backwards = getComputedStyle(at("target")).direction === "rtl";
    const place = moved(event.key, state.target, state.sentence.target.length, 1, backwards);
    if (place === undefined) return;
    event.preventDefault();
    at("target").children[place].focus();
  });
  at("cells").addEventListener("pointermove", showHover);
  at("cells").addEventListener("pointerdown", showHover);
  at("cells").addEventListener("pointerleave", () => { at("hover").hidden = true; });
  at("numbers").addEventListener("click", () => {
    const table = at("table");
    table.hidden = !table.hidden;
    if (table.hidden) table.replaceChildren();
    else drawTable();
    at("numbers").setAttribute("aria-expanded", !table.hidden);
    at("numbers").textContent = table.hidden ? "Show the numbers" : "Hide the numbers";
  });
  at("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    nameTheme();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);
}

function start() {
  const [held, total] = [data.sentences.length, data.total];
  document.title = `${data.name} · Attention`;
  at("about").textContent = `${isolated(data.name)}, ` +
    (held === total ? `${total}` : `the first ${held} of ${total}`) + (total === 1 ? " hypothesis" : " hypotheses");
  at("bar").style.background = `linear-gradient(90deg, ${COLOURS.map((rgb) => `rgb(${rgb.join(" ")})`).join(", ")})`;
  if (data.sentences.every((sentence) => sentence.exactness === null)) {
    for (const option of at("sort").options) option.disabled = option.value.startsWith("exactness");
  }
  nameTheme();
  listen();
  arrange();
  requestAnimationFrame(() => setTimeout(() => performance.measure("ready", { start: 0 }), 0)); // after the first paint
}

start();
