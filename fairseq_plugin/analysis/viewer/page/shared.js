"use strict";
// What all parts of the page share: the records in #data, what is chosen, tokens and weights as one sees them.

const at = (id) => document.getElementById(id);
const data = JSON.parse(at("data").textContent);
const ROW = 52; // px: height of a row in the list, --row in the style
const SIDE = 22; // px: side of a cell; smaller where the map would pass LARGEST
const SHORT = [440, 44]; // px: a short sentence has larger cells, up to this size of the map and of a cell
const LARGEST = 4096; // px
const LABEL = 10; // px: smallest cell whose token is named
// Viridis (matplotlib) at 0, 1/8, ... 1: dark to light, the same to every kind of colour vision.
const COLOURS = [[68, 1, 84], [71, 45, 123], [59, 82, 139], [44, 114, 142], [33, 145, 140], [40, 174, 128],
  [94, 201, 98], [173, 220, 48], [253, 231, 37]];
const state = { order: [], place: -1, sentence: null, weights: null, target: -1, source: -1, side: SIDE };

function make(tag, className, text, parent) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}

// A token as text to see: the page holds what is shown of a token that holds something that cannot be seen.
const labels = new Map(data.labels);
const shown = (token) => labels.get(token) ?? token;

// In a sentence, a token that turns the direction of the text must not turn its neighbours.
const isolated = (token) => "\u2068" + shown(token) + "\u2069";
const number = (step) => (step / data.steps).toFixed(4);

function colour(share) {
  const place = Math.min(share, 1) * (COLOURS.length - 1);
  const low = Math.min(Math.floor(place), COLOURS.length - 2);
  return COLOURS[low].map((value, i) => Math.round(value + (place - low) * (COLOURS[low + 1][i] - value)));
}

// (T x S) whole steps, row by row; little-endian whatever the machine.
function decoded(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Uint16Array.from({ length: bytes.length / 2 }, (_, i) => view.getUint16(2 * i, true));
}
