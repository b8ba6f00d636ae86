// The weights of the chosen sentence as a heatmap and as a table.

// One pixel a weight, enlarged by the browser: as cheap for 500 tokens as for 5.
function drawMap() {
  const { sentence, weights } = state;
  const [rows, columns] = [sentence.target.length, sentence.source.length];
  const longest = Math.max(rows, columns, 1);
  const roomy = Math.min(SHORT[1], Math.floor(SHORT[0] / longest));
  state.side = Math.max(roomy, Math.min(SIDE, Math.max(1, Math.floor(LARGEST / longest))));
  const heat = at("heat");
  heat.width = columns;
  heat.height = rows;
  heat.style.width = `${columns * state.side}px`;
  heat.style.height = `${rows * state.side}px`;
  heat.setAttribute("aria-label", `Heatmap of ${rows} target by ${columns} source tokens; the same numbers are in the ` +
    "table behind the button Show the numbers");
  const every = Math.ceil(LABEL / state.side);
  document.documentElement.style.setProperty("--cell", `${state.side}px`);
  document.documentElement.style.setProperty("--label", state.side < 16 ? "9px" : "13px");
  for (const [id, tokens] of [["names", sentence.target], ["columns", sentence.source]]) {
    at(id).replaceChildren(...tokens.map((token, n) => {
      const label = make("span", "", n % every ? "" : shown(token));
      label.title = shown(token);
      label.classList.toggle("upright", [...label.textContent].length === 1);
      return label;
    }));
  }
  at("thinned").textContent = every > 1 ? `one token in ${every} is named; point at a cell for the others` : "";
  if (!rows || !columns) return;
  const context = heat.getContext("2d");
  const image = context.createImageData(columns, rows);
  weights.forEach((step, n) => image.data.set([...colour(step / data.steps), 255], 4 * n));
  context.putImageData(image, 0, 0);
}

function drawTable() {
  const { sentence, weights } = state;
  const table = make("table");
  make("caption", "", "Weights, target down, source across, rounded to 4 digits", table);
  const head = make("tr", "", undefined, make("thead", "", undefined, table));
  make("td", "", "", head);
  for (const token of sentence.source) make("th", "", shown(token), head).scope = "col";
  const body = make("tbody", "", undefined, table);
  sentence.target.forEach((token, t) => {
    const row = make("tr", t === state.target ? "lit" : "", undefined, body);
    row.dataset.target = t;
    make("th", "", shown(token), row).scope = "row";
    for (let s = 0; s < sentence.source.length; s += 1) {
      make("td", "", number(weights[t * sentence.source.length + s]), row);
    }
  });
  at("table").replaceChildren(table);
}
