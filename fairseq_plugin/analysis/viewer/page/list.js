// The list of sentences: search, order, and only those rows in the page that are in view.

function searchable(sentence) {
  const lines = [sentence.source, sentence.target, sentence.reference || []];
  const texts = lines.flatMap((tokens) => [tokens.join(" "), tokens.join("").replaceAll("▁", " ")]);
  return texts.join("\n").normalize("NFC").toLowerCase();
}

function matches(sentence, query) {
  const hash = /^#(\d+)$/.exec(query);
  if (hash && sentence.id === Number(hash[1])) return true;
  sentence.searchable ??= searchable(sentence);
  return sentence.searchable.includes(query);
}

const KEYS = { length: (s) => s.target.length, entropy: (s) => s.entropy, exactness: (s) => s.exactness };

function arrange() {
  const query = at("search").value.trim().normalize("NFC").toLowerCase();
  const [key, direction] = at("sort").value.split("-");
  const kept = [...data.sentences.keys()].filter((n) => !query || matches(data.sentences[n], query));
  if (key in KEYS) {
    const sign = direction === "down" ? -1 : 1;
    const value = (n) => KEYS[key](data.sentences[n]);
    // No exactness without a reference, no entropy without a token: such sentences come last either way.
    kept.sort((a, b) => (value(a) === null) - (value(b) === null) || sign * (value(a) - value(b)) || a - b);
  }
  state.order = kept;
  at("found").textContent = `${kept.length} of ${data.sentences.length} shown`;
  at("rows").style.height = `${kept.length * ROW}px`;
  at("list").scrollTop = 0;
  const stays = kept.indexOf(data.sentences.indexOf(state.sentence));
  if (stays >= 0) choose(stays);
  else if (kept.length) choose(0);
  else { state.place = -1; drawList(); }
}

function facts(sentence) {
  const parts = [`#${sentence.id}` + (sentence.rank ? ` rank ${sentence.rank}` : ""), `${sentence.target.length} tokens`];
  if (sentence.entropy !== null) parts.push(`${sentence.entropy.toFixed(2)} bits`);
  if (sentence.exactness !== null) parts.push(`${(100 * sentence.exactness).toFixed(0)}% exact`);
  return parts.join(" · ");
}

function drawList() {
  const list = at("list");
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 4);
  const last = Math.min(state.order.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 4);
  const rows = document.createDocumentFragment();
  for (let place = first; place < last; place += 1) {
    const sentence = data.sentences[state.order[place]];
    const row = make("div", "", undefined, rows);
    row.id = `row-${place}`;
    row.style.top = `${place * ROW}px`;
    row.setAttribute("role", "option");
    row.setAttribute("aria-setsize", state.order.length);
    row.setAttribute("aria-posinset", place + 1);
    row.setAttribute("aria-selected", place === state.place);
    make("div", "words", sentence.source.map(isolated).join(" "), row).dir = "auto";
    make("div", "facts", facts(sentence), row);
  }
  at("rows").replaceChildren(rows);
  if (at(`row-${state.place}`)) list.setAttribute("aria-activedescendant", `row-${state.place}`);
  else list.removeAttribute("aria-activedescendant");
}

function choose(place) {
  const list = at("list");
  state.place = Math.max(0, Math.min(place, state.order.length - 1));
  const top = state.place * ROW;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
  drawList();
  const sentence = data.sentences[state.order[state.place]];
  if (sentence !== state.sentence) showSentence(sentence);
}
