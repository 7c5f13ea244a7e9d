// The sections on small images.

const LESSONS = {
  sliding(root, data) {
    return new Lab(root, [data.sliding], { filling: true });
  },
  stride(root, data) {
    const control = { name: "Stride S", letter: "S", least: 1, kind: "stride" };
    return new Lab(root, data.stride, { control, size: true, centres: true });
  },
  padding(root, data) {
    const control = { name: "Padding P", letter: "P", least: 0, kind: "padding" };
    return new Lab(root, data.padding, { control, size: true, first: 1 });
  },
  stairs(root, data) {
    return new Lab(root, [data.stairs], { ledger: true });
  },
  edge(root, data) {
    return new Lab(root, [data.edge], { ledger: true, start: 1 });
  },
  flip(root, data) {
    const lanes = [
      { title: "Correlate", says: "the kernel slides as it is; its print comes out turned", kernelName: "kernel" },
      { title: "Convolve", says: "the kernel is turned by 180° first; its print comes out upright", kernelName: "turned kernel" },
    ];
    return new Lab(root, data.flip, { lanes });
  },
  borders(root, data) {
    return new Borders(root, data.borders);
  },
  yours(root, data) {
    return data.yours.walk ? new YourGrid(root, data.yours) : new YourImage(root, data.yours);
  },
};

// Samples that are the same one have the same colour: its column's hue, its row's strength.
function tone(from) {
  if (!from) return "var(--padding-tint)";
  const [row, col] = from;
  const hue = 200 + col * 62;
  return `light-dark(hsl(${hue} 75% ${95 - row * 4}%), hsl(${hue} 38% ${17 + row * 4}%))`;
}

class Borders {
  constructor(root, rules) {
    this.rules = rules;
    this.outside = flat(rules[0].at.map((line, r) => line.map((_, c) => [r, c]))).filter(([r, c]) => {
      const [from, at] = [rules[0].from[r][c], rules[0].at[r][c]];
      return !from || from[0] !== at[0] || from[1] !== at[1];
    });
    // The first rule repeats the nearest sample, so every sample of the image comes from itself.
    this.place = this.outside.findIndex(([r, c]) => r === 0 && c === 3);
    const { cells } = rules[0];
    this.grid = new Matrix("input", "image", "4×5, with 2 samples on every side", [cells.length, cells[0].length]);
    this.grid.table.classList.add("toned");
    this.arrow = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.arrow.setAttribute("class", "arrow");
    this.arrow.setAttribute("aria-hidden", "true");
    this.grid.hold.append(this.arrow);
    this.slide = slider("Outside sample", 1, this.outside.length, 1, (value) => this.go(value - 1));
    this.status = el("p", { class: "now", role: "status", "aria-live": "polite" });
    this.says = el("p", {});
    root.append(
      this.strips(),
      el("div", { class: "stage" }, this.grid.figure),
      el("div", { class: "controls" }, this.slide.label),
      el("div", { class: "formula" }, this.says, this.status));
    this.grid.table.addEventListener("click", (event) => {
      const k = this.grid.cells.indexOf(event.target.closest("td"));
      const found = this.outside.findIndex(([r, c]) => r * this.grid.cols + c === k);
      if (found >= 0) this.go(found);
    });
    new ResizeObserver(() => this.draw()).observe(this.grid.table);
    this.load(0);
  }

  strips() {
    const group = el("fieldset", { class: "strips" }, el("legend", {}, "Choose a rule. A row of five samples, a b c d e, with three more at either end:"));
    this.rules.forEach((rule, k) => {
      const input = el("input", { type: "radio", name: "border", value: rule.name, checked: k === 0 });
      input.addEventListener("change", () => this.load(k));
      const size = rule.strip.length - 2 * rule.along;
      const letters = rule.strip.map((from, place) => {
        const out = place < rule.along || place >= rule.along + size;
        const kinds = [out ? "out" : "", place === rule.along ? "first" : "", place === rule.along + size - 1 ? "last" : ""];
        return el("span", { class: kinds.join(" "), "--tone": tone(from < 0 ? null : [0, from]) }, from < 0 ? show(rule.fill) : "abcde"[from]);
      });
      group.append(el("label", { class: "strip" },
        el("span", { class: "name" }, input, rule.name),
        el("span", { class: "letters", "aria-hidden": "true" }, ...letters),
        el("span", { class: "says" }, rule.says)));
    });
    return group;
  }

  load(k) {
    this.rule = this.rules[k];
    this.grid.fill(this.rule.cells);
    this.says.replaceChildren(el("b", {}, this.rule.name), ": ", this.rule.says);
    this.go(this.place);
  }

  go(place) {
    this.place = place;
    const { rule, grid } = this;
    const inside = new Set(grid.cells.keys());
    this.outside.forEach(([r, c]) => inside.delete(r * grid.cols + c));
    grid.cells.forEach((cell, k) => {
      const [r, c] = [Math.floor(k / grid.cols), k % grid.cols];
      cell.className = inside.has(k) ? "" : "pad";
      cell.style.setProperty("--tone", tone(rule.from[r][c]));
    });
    const [r, c] = this.outside[place];
    grid.at(r, c).classList.add("asked");
    const from = rule.from[r][c];
    const [row, col] = rule.at[r][c];
    this.origin = null;
    if (from) {
      const k = flat(rule.at).findIndex(([y, x]) => y === from[0] && x === from[1]);
      this.origin = grid.cells[k];
      this.origin.classList.add("origin");
    }
    const source = from ? `is the image’s sample at row ${from[0]}, column ${from[1]}: ` : "comes from nowhere and is ";
    this.status.replaceChildren(`The sample at row ${show(row)}, column ${show(col)} ${source}`, el("b", {}, show(rule.cells[r][c])));
    this.slide.set(place + 1, `${place + 1} of ${this.outside.length}`);
    this.draw();
  }

  // An arrow from where a sample comes from to where it stands.
  draw() {
    this.arrow.replaceChildren();
    if (!this.origin) return;
    const [r, c] = this.outside[this.place];
    const { offsetLeft, offsetTop } = this.grid.table;
    const centre = (cell) => [offsetLeft + cell.offsetLeft + cell.offsetWidth / 2, offsetTop + cell.offsetTop + cell.offsetHeight / 2];
    const [x1, y1] = centre(this.origin);
    const [x2, y2] = centre(this.grid.at(r, c));
    const length = Math.hypot(x2 - x1, y2 - y1) || 1;
    const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
    const [sx, sy, ex, ey] = [x1 + ux * 13, y1 + uy * 13, x2 - ux * 13, y2 - uy * 13];
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", `M${sx} ${sy}L${ex} ${ey}M${ex - 8 * ux - 5 * uy} ${ey - 8 * uy + 5 * ux}L${ex} ${ey}L${ex - 8 * ux + 5 * uy} ${ey - 8 * uy - 5 * ux}`);
    for (const [name, value] of [["fill", "none"], ["stroke", "currentColor"], ["stroke-width", "2.5"], ["stroke-linecap", "round"]]) path.setAttribute(name, value);
    this.arrow.append(path);
  }
}
