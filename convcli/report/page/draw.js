"use strict";
// Elements, numbers and matrices. Text enters the page as text nodes only, never as HTML.

function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") element.className = value;
    else if (name.startsWith("--")) element.style.setProperty(name, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// 0.333333 as 0.3333, 1e-9 as 1.000e-9; a minus is a minus.
function show(number) {
  if (number === null) return "?";
  const whole = Number.isInteger(number) && Math.abs(number) < 1e9;
  const text = whole ? String(number) : String(Number(number.toPrecision(4)));
  return text.replace("-", "−");
}

const signed = (number) => (number < 0 ? `(${show(number)})` : show(number));

// A number as it fits a small cell.
function brief(number) {
  if (number === null || Number.isInteger(number)) return show(number);
  const size = Math.abs(number);
  if (size !== 0 && size < 0.001) return "≈0";
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return number.toFixed(digits).replace("-", "−").replace("0.", ".");
}

const flat = (rows) => rows.flat();

// A matrix as a table in a figure. `most` is [rows, columns] to keep room for.
class Matrix {
  constructor(kind, name, detail, most, options = {}) {
    this.table = el("table", { class: `grid ${options.sample ? "sample" : ""}` });
    this.hold = el("div", { class: `hold ${options.tall ? "tall" : ""}` }, this.table);
    this.detail = el("span", {}, detail);
    const caption = el("figcaption", {}, el("b", {}, name), " ", this.detail);
    this.figure = el("figure", { class: `fig ${kind}`, "--most": most[1], "--most-rows": most[0] }, caption, this.hold);
    this.name = name;
    this.cells = [];
  }

  // Draw anew if the shape changed, else change the numbers.
  fill(rows) {
    const cols = rows[0].length;
    if (this.cells.length !== rows.length * cols || this.cols !== cols) {
      this.cols = cols;
      this.table.replaceChildren(el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map(() => el("td"))))));
      this.cells = [...this.table.querySelectorAll("td")];
      this.table.setAttribute("aria-label", `${this.name}, ${rows.length} rows, ${cols} columns`);
    }
    this.numbers = flat(rows);
    this.cells.forEach((cell, k) => {
      cell.textContent = brief(this.numbers[k]);
      cell.className = this.numbers[k] === 0 ? "zero" : "";
    });
    const longest = Math.max(...this.cells.map((cell) => cell.textContent.length));
    this.table.classList.toggle("four", longest === 4);
    this.table.classList.toggle("five", longest > 4);
    return this;
  }

  // Fill from a flat list, as wide as another matrix is.
  fillFlat(numbers, cols, outside = []) {
    const rows = [];
    for (let k = 0; k < numbers.length; k += cols) rows.push(numbers.slice(k, k + cols));
    this.fill(rows);
    this.cells.forEach((cell, k) => {
      cell.dataset.k = k;
      cell.classList.toggle("pad", outside[k] ?? false);
    });
    return this;
  }

  at(row, col) {
    return this.cells[row * this.cols + col];
  }
}

// A matrix too wide for numbers: shades of its colour, the larger the stronger; gray if negative.
class Shades {
  constructor(kind, name, detail, [rows, cols]) {
    this.canvas = el("canvas", { class: "shades-of", width: cols, height: rows, role: "img" });
    this.canvas.setAttribute("aria-label", `${name}, ${rows} rows, ${cols} columns, as shades`);
    this.head = el("b", {}, name);
    const caption = el("figcaption", {}, this.head, " ", detail);
    this.figure = el("figure", { class: `fig ${kind}`, "--most": cols }, caption, el("div", { class: "hold" }, this.canvas));
  }

  // `outside` says which places are padding.
  fillFlat(numbers, cols, outside = []) {
    const pen = this.canvas.getContext("2d");
    const colours = {
      own: getComputedStyle(this.head).color,
      negative: getComputedStyle(document.body).color,
      padding: getComputedStyle(document.querySelector(".is-padding")).color,
    };
    const most = numbers.reduce((size, number) => Math.max(size, Math.abs(number)), 0) || 1;
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    numbers.forEach((number, k) => {
      pen.globalAlpha = Math.abs(number) / most;
      pen.fillStyle = outside[k] ? colours.padding : number < 0 ? colours.negative : colours.own;
      pen.fillRect(k % cols, Math.floor(k / cols), 1, 1);
    });
    return this;
  }

  // Which place is pointed at.
  under(event) {
    const box = this.canvas.getBoundingClientRect();
    const at = (share, count) => Math.max(0, Math.min(count - 1, Math.floor(share * count)));
    const row = at((event.clientY - box.top) / box.height, this.canvas.height);
    return row * this.canvas.width + at((event.clientX - box.left) / box.width, this.canvas.width);
  }
}

// Σ patch·weight with the numbers filled in, a line for each row of the kernel.
function dotProduct(patch, kernel, total, outside = []) {
  const weights = flat(kernel);
  const line = el("p", { class: "equation" });
  weights.forEach((weight, k) => {
    const sample = el("span", { class: outside[k] ? "p pad" : "p" }, signed(patch[k]));
    const term = el("span", { class: "t", "data-k": k }, sample, "·", el("span", { class: "k" }, signed(weight)));
    line.append(el("span", {}, k ? "+ " : "", term));
  });
  line.append(el("span", {}, "= ", el("span", { class: "total" }, show(total))));
  return line;
}

// What follows the sum: `divided by 9: 6`.
function follow(line, chain) {
  for (const [label, value] of chain) {
    line.append(el("span", {}, `then ${label} = `, el("span", { class: "total" }, show(value))));
  }
  return line;
}

// The shape formula with N, F, P, S and the result in their colours.
function sizeLine(formula, label) {
  const parts = /^⌊\((\d+) − (\d+) \+ 2·(\d+)\)\/(\d+)⌋ \+ 1 = (\d+)$/.exec(formula);
  const head = label ? `${label}: ` : "";
  if (!parts) return el("span", {}, head + formula);
  const mark = (kind, text) => el("i", { class: kind }, text);
  const [, n, f, p, s, out] = parts;
  return el("span", {}, head, "⌊(", mark("n", n), " − ", mark("f", f), " + 2·", mark("pp", p), ")/", mark("s", s), "⌋ + 1 = ", mark("o", out));
}

function sizeFormula(formulas) {
  const mark = (kind, text) => el("i", { class: kind }, text);
  const general = el("span", { class: "general" }, "output size = ⌊(", mark("n", "N"), " − ", mark("f", "F"), " + 2·", mark("pp", "P"), ")/", mark("s", "S"), "⌋ + 1");
  const [height, width] = formulas;
  const lines = height === width ? [sizeLine(height, "height and width")] : [sizeLine(height, "height"), sizeLine(width, "width")];
  return el("div", { class: "size" }, general, ...lines);
}

// A labelled slider: what it is called, the slider, what it says.
function slider(name, least, most, value, changed, kind = "") {
  const said = el("output", {}, "");
  const input = el("input", { type: "range", min: least, max: most, value, step: 1, "aria-label": name });
  input.addEventListener("input", () => changed(Number(input.value)));
  const label = el("label", { class: `slide ${kind}` }, el("b", {}, name), input, said);
  return {
    label,
    input,
    set(number, text) {
      input.value = number;
      said.textContent = text;
      input.setAttribute("aria-valuetext", text);
    },
    limit(last) {
      input.max = last;
    },
  };
}

// One of several: a group of radio buttons.
function choices(title, name, entries, changed) {
  const group = el("fieldset", { class: "choices" }, el("legend", {}, title));
  entries.forEach(([text, detail], k) => {
    const input = el("input", { type: "radio", name, value: k, checked: k === 0 });
    input.addEventListener("change", () => changed(k));
    const words = detail ? [el("span", {}, text, " ", el("small", {}, detail))] : [text];
    group.append(el("label", { class: "choice" }, input, ...words));
  });
  return group;
}

// What is pointed at in one matrix is marked in the others and in the formula.
function linked(root, told = () => {}) {
  root.addEventListener("pointerover", (event) => {
    const k = event.target.closest("[data-k]")?.dataset.k;
    root.querySelectorAll(".hot").forEach((element) => element.classList.remove("hot"));
    if (k !== undefined) root.querySelectorAll(`[data-k="${k}"]`).forEach((element) => element.classList.add("hot"));
    told(k === undefined ? null : Number(k));
  });
  root.addEventListener("pointerleave", () => {
    root.querySelectorAll(".hot").forEach((element) => element.classList.remove("hot"));
    told(null);
  });
}

// Arrow keys, Home and End in a matrix: [row, column] to go to.
function moved(key, [row, col], [rows, cols]) {
  const to = {
    ArrowLeft: [row, col - 1], ArrowRight: [row, col + 1], ArrowUp: [row - 1, col],
    ArrowDown: [row + 1, col], Home: [row, 0], End: [row, cols - 1],
  }[key];
  if (!to) return null;
  return [Math.max(0, Math.min(rows - 1, to[0])), Math.max(0, Math.min(cols - 1, to[1]))];
}
