// The chosen sentence: its lines of tokens, and what is lit.

function showSentence(sentence) {
  Object.assign(state, { sentence, weights: decoded(sentence.weights), target: -1, source: -1 });
  at("title").textContent = `Sentence ${sentence.id}` + (sentence.rank ? `, rank ${sentence.rank}` : "");
  const entropy = sentence.entropy === null ? "no token" : `entropy ${sentence.entropy.toFixed(4)} bits`;
  const exact = sentence.exactness === null ? "no reference" : `${(100 * sentence.exactness).toFixed(1)}% exact`;
  at("tokens").textContent = `${sentence.source.length} source and ${sentence.target.length} target tokens`;
  at("entropy").textContent = entropy;
  at("entropy").title = at("meaning").textContent.replace(/\s+/g, " ");
  at("others").textContent = `${exact} · score ${sentence.score.toFixed(4)}`;
  tokenLine("source", sentence.source);
  tokenLine("target", sentence.target);
  tokenLine("reference", sentence.reference || []);
  at("reference-line").hidden = sentence.reference === null;
  drawMap();
  at("hover").hidden = true;
  if (!at("table").hidden) drawTable();
  light(sentence.target.length ? 0 : -1);
}

function tokenLine(line, tokens) {
  const reference = state.sentence.reference;
  const made = tokens.map((token, t) => {
    const element = make("span", "token");
    make("span", "text", shown(token), element); // not bdi: the direction of the line is found in its tokens
    if (line === "source") make("small", "", "", element);
    element.setAttribute("role", line === "target" ? "option" : "listitem");
    if (line === "target") {
      element.tabIndex = -1;
      element.setAttribute("aria-selected", "false");
      if (reference && reference[t] !== token) {
        element.classList.add("wrong");
        element.title = "not the reference's token at this position";
      }
    }
    return element;
  });
  at(line).replaceChildren(...made);
}

function light(target, source = -1) {
  const { sentence, weights } = state;
  const width = sentence.source.length;
  for (const [line, old, now] of [["target", state.target, target], ["names", state.target, target],
    ["columns", state.source, source]]) {
    for (const [place, on] of [[old, false], [now, true]]) {
      const element = at(line).children[place];
      if (!element) continue;
      element.classList.toggle("lit", on);
      if (line === "target") {
        element.setAttribute("aria-selected", on);
        element.tabIndex = on ? 0 : -1;
      }
    }
  }
  Object.assign(state, { target, source });
  const row = target < 0 ? [] : weights.subarray(target * width, (target + 1) * width);
  [...at("source").children].forEach((element, s) => {
    const share = (row[s] || 0) / data.steps;
    element.style.setProperty("--share", share);
    element.classList.toggle("dark-text", share > 0.57);
    element.lastChild.textContent = row[s] ? number(row[s]) : "";
  });
  mark("row-mark", target, 0, width);
  mark("cell-mark", source < 0 ? -1 : target, source, 1);
  for (const element of at("table").querySelectorAll("tbody tr")) {
    element.classList.toggle("lit", Number(element.dataset.target) === target);
  }
  at("lit").textContent = target < 0 ? "" : spoken(row);
}

// What a reader of the screen hears of the lit token: where it looked most.
function spoken(row) {
  const { sentence, target } = state;
  const most = [...row.keys()].filter((s) => row[s]).sort((a, b) => row[b] - row[a] || a - b).slice(0, 3);
  const read = most.map((s) => `${isolated(sentence.source[s])} ${number(row[s])}`).join(", ");
  return `Target ${target + 1} of ${sentence.target.length}, ${isolated(sentence.target[target])}, reads ` +
    (read || `nothing with a weight of ${number(1)} or more`);
}

function mark(id, row, column, columns) {
  const { style } = at(id);
  style.display = row < 0 || !columns ? "none" : "block";
  style.top = `${row * state.side}px`;
  style.left = `${column * state.side}px`;
  style.width = `${columns * state.side}px`;
  style.height = `${state.side}px`;
}
