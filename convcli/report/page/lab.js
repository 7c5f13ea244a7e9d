// A kernel's way over a small image: grids, the window at one position, controls, the formula.

const PAUSE = 1000; // milliseconds at each position

// Which taps lie in the padding, in reading order.
function outsideOf({ size, pad }, { rows, cols }) {
  const beyond = (place, axis) => place < pad[axis][0] || place >= pad[axis][0] + size[axis];
  return flat(rows.map((row) => cols.map((col) => beyond(row, 0) || beyond(col, 1))));
}

// The image with its padding, the patch, the kernel, the products, and the output of one walk.
class Board {
  constructor(walks, options = {}) {
    const most = (grids) => [Math.max(...grids.map((g) => g.length)), Math.max(...grids.map((g) => g[0].length))];
    const taps = most([walks[0].kernel]);
    this.options = options;
    this.input = new Matrix("input", "image", "", most(walks.map((w) => w.cells)), { sample: true, tall: walks.length > 1 });
    this.patch = new Matrix("patch", "patch", "", taps);
    this.kernel = new Matrix("kernel", options.kernelName ?? "kernel", "", taps);
    this.products = new Matrix("products", "products", "", taps);
    this.output = new Matrix("output", "output", "", most(walks.map((w) => w.output)), { tall: walks.length > 1 });
    this.frame = el("div", { class: "frame", "aria-hidden": "true" });
    this.input.hold.append(this.frame);
    const op = (sign) => el("span", { class: "op", "aria-hidden": "true" }, sign);
    this.work = el("div", { class: "work" }, this.patch.figure, op("×"), this.kernel.figure, op("="), this.products.figure);
    this.element = el("div", { class: "stage" }, this.input.figure, this.work, this.output.figure);
    new ResizeObserver(() => this.place()).observe(this.input.table);
    this.keys();
  }

  keys() {
    const table = this.output.table;
    table.tabIndex = 0;
    table.setAttribute("role", "grid");
    table.addEventListener("keydown", (event) => {
      const to = moved(event.key, this.step.at, this.walk.out);
      if (!to) return;
      event.preventDefault();
      this.options.chosen(to[0] * this.walk.out[1] + to[1]);
    });
    table.addEventListener("click", (event) => {
      const k = this.output.cells.indexOf(event.target.closest("td"));
      if (k >= 0) this.options.chosen(k);
    });
  }

  // Another walk: its image, kernel and output.
  load(walk) {
    this.walk = walk;
    const [rows, cols] = walk.size;
    const [[top], [left]] = walk.pad;
    this.input.fill(walk.cells);
    const samples = flat(walk.cells);
    const low = Math.min(...samples);
    const span = Math.max(...samples) - low || 1;
    this.isPadding = this.input.cells.map((cell, k) => {
      const row = Math.floor(k / this.input.cols) - top;
      const col = (k % this.input.cols) - left;
      cell.style.setProperty("--shade", (samples[k] - low) / span);
      cell.dataset.unvisited = row >= rows - walk.unvisited[0] || col >= cols - walk.unvisited[1] ? "1" : "";
      return row < 0 || col < 0 || row >= rows || col >= cols;
    });
    const padded = this.input.cells.length > rows * cols;
    this.input.detail.textContent = `${rows}×${cols}${padded ? `, ${walk.cells.length}×${this.input.cols} with padding` : ""}${this.options.centres ? "; dots: where the kernel’s middle stops" : ""}`;
    this.kernel.fillFlat(flat(walk.kernel), walk.kernel[0].length);
    this.kernel.detail.textContent = walk.divisor === 1 ? "" : `÷ ${show(walk.divisor)}`;
    this.output.fill(walk.output);
    this.output.detail.textContent = `${walk.out[0]}×${walk.out[1]}`;
    this.output.cells.forEach((cell, k) => { cell.id = `${this.options.name}-o${k}`; cell.setAttribute("role", "gridcell"); });
    this.output.table.querySelectorAll("tr").forEach((row) => row.setAttribute("role", "row"));
  }

  go(position) {
    const { walk } = this;
    const step = (this.step = walk.steps[position]);
    const cols = walk.kernel[0].length;
    this.input.cells.forEach((cell, k) => {
      const kinds = [this.isPadding[k] ? "pad" : "", cell.dataset.unvisited && !this.isPadding[k] ? "unvisited" : ""];
      cell.className = kinds.join(" ").trim();
      cell.querySelector(".w")?.remove();
      delete cell.dataset.k;
    });
    if (this.options.centres) this.centres();
    this.outside = outsideOf(walk, step);
    step.rows.forEach((row, i) => step.cols.forEach((col, j) => {
      const cell = this.input.at(row, col);
      const k = i * cols + j;
      cell.classList.add("under");
      cell.dataset.k = k;
      cell.append(el("span", { class: "w", "aria-hidden": "true" }, `×${show(walk.kernel[i][j])}`));
    }));
    this.patch.fillFlat(step.patch, cols, this.outside);
    this.products.fillFlat(step.products, cols);
    this.output.cells.forEach((cell, k) => {
      cell.className = k === position ? "now" : this.options.filling && k > position ? "later" : "";
      cell.setAttribute("aria-selected", k === position);
    });
    this.output.table.setAttribute("aria-activedescendant", this.output.cells[position].id);
    this.place();
  }

  centres() {
    for (const step of this.walk.steps) {
      const middle = (places) => places[Math.floor(places.length / 2)];
      this.input.at(middle(step.rows), middle(step.cols)).classList.add("centre");
    }
  }

  // Put the frame around the window.
  place() {
    if (!this.step) return;
    const { rows, cols } = this.step;
    const first = this.input.at(rows[0], cols[0]);
    const last = this.input.at(rows.at(-1), cols.at(-1));
    const { offsetLeft, offsetTop } = this.input.table;
    Object.assign(this.frame.style, {
      left: `${offsetLeft + first.offsetLeft - 2}px`,
      top: `${offsetTop + first.offsetTop - 2}px`,
      width: `${last.offsetLeft + last.offsetWidth - first.offsetLeft + 4}px`,
      height: `${last.offsetTop + last.offsetHeight - first.offsetTop + 4}px`,
    });
  }
}

// Position and setting sliders, play, and the formula, over one board or over two in step.
class Lab {
  constructor(root, walks, options = {}) {
    this.root = root;
    this.walks = walks;
    this.options = options;
    this.position = options.start ?? 0;
    this.setting = options.first ?? 0;
    this.status = el("p", { class: "now", role: "status", "aria-live": "polite" });
    this.formula = el("div", { class: "formula" });
    const make = (group, more) => new Board(group, { ...options, ...more, name: root.dataset.lab + more.lane, chosen: (k) => this.go(k) });
    this.boards = options.lanes
      ? options.lanes.map((lane, k) => make([walks[k]], { ...lane, lane: k }))
      : [make(walks, { lane: "" })];
    root.append(this.stage(), this.controls(), this.formula);
    if (options.ledger) root.append((this.ledger = this.lines()));
    linked(root);
    root.addEventListener("keydown", (event) => this.space(event));
    this.load(this.setting);
  }

  stage() {
    const { lanes } = this.options;
    if (!lanes) return this.boards[0].element;
    return el("div", { class: "lanes" }, ...lanes.map((lane, k) => {
      this.boards[k].element.className = "lane";
      this.boards[k].element.prepend(el("h3", {}, lane.title, " ", el("small", {}, lane.says)));
      return this.boards[k].element;
    }));
  }

  controls() {
    const button = (text, name, action) => el("button", { type: "button", class: "btn", "aria-label": name, onclick: action }, text);
    this.play = el("button", { type: "button", class: "btn play", onclick: () => this.toggle() }, "Play");
    const buttons = el("div", { class: "buttons", role: "group", "aria-label": "Playback" },
      button("‹", "One position back", () => { this.stop(); this.go(this.position - 1); }),
      this.play,
      button("›", "One position on", () => { this.stop(); this.go(this.position + 1); }));
    this.slide = slider("Position", 1, this.walks[0].steps.length, 1, (value) => { this.stop(); this.go(value - 1); });
    const row = el("div", { class: "controls" }, buttons, this.slide.label);
    const { control } = this.options;
    if (control) {
      this.set = slider(control.name, control.least, control.least + this.walks.length - 1, control.least + this.setting,
        (value) => this.load(value - control.least), `setting ${control.kind}`);
      row.prepend(this.set.label);
    }
    return row;
  }

  load(setting) {
    this.setting = setting;
    const { control, lanes } = this.options;
    this.boards.forEach((board, k) => board.load(this.walks[lanes ? k : setting]));
    const count = this.boards[0].walk.steps.length;
    this.slide.limit(count);
    if (control) this.set.set(control.least + setting, `${control.letter} = ${control.least + setting}`);
    this.go(Math.min(this.position, count - 1));
  }

  go(position) {
    const count = this.boards[0].walk.steps.length;
    this.position = Math.max(0, Math.min(count - 1, position));
    this.boards.forEach((board) => board.go(this.position));
    this.slide.set(this.position + 1, `${this.position + 1} of ${count}`);
    this.say();
    this.ledger?.querySelectorAll("li").forEach((line, k) => line.classList.toggle("now", k === this.position));
  }

  // The formula with the numbers of this position.
  say() {
    const [row, col] = this.boards[0].step.at;
    const results = this.boards.map((board) => show(board.step.value));
    const sums = this.boards.map((board, k) => [k ? ", " : "", this.options.lanes ? `${this.options.lanes[k].title.toLowerCase()} ` : "", el("b", {}, results[k])]).flat();
    this.status.replaceChildren(`Output at row ${row}, column ${col}: `, ...sums);
    const equations = this.boards.map((board) => follow(dotProduct(board.step.patch, board.walk.kernel, board.step.total, board.outside), board.step.chain));
    const { walk } = this.boards[0];
    const size = this.options.size ? [sizeFormula(walk.formulas)] : [];
    const notes = this.options.size && walk.notes.length ? [el("ul", { class: "notes" }, ...walk.notes.map((note) => el("li", {}, note)))] : [];
    this.formula.replaceChildren(...(this.options.size ? [...size, ...notes] : []), this.status, ...equations);
  }

  // Every dot product, one below the other.
  lines() {
    const [walk] = this.walks;
    return el("ol", { class: "ledger", "aria-label": "All dot products" }, ...walk.steps.map((step, k) => {
      const where = el("span", { class: "where" }, `row ${step.at[0]}, col ${step.at[1]}`);
      const line = follow(dotProduct(step.patch, walk.kernel, step.total, outsideOf(walk, step)), step.chain);
      line.querySelectorAll("[data-k]").forEach((term) => term.removeAttribute("data-k"));
      return el("li", { onclick: () => this.go(k) }, where, line);
    }));
  }

  toggle() {
    if (this.timer) return this.stop();
    if (this.position === this.boards[0].walk.steps.length - 1) this.go(0);
    this.status.setAttribute("aria-live", "off"); // not every second
    this.play.textContent = "Pause";
    this.play.dataset.playing = "";
    this.timer = setInterval(() => {
      this.go(this.position + 1);
      if (this.position === this.boards[0].walk.steps.length - 1) this.stop();
    }, PAUSE);
    return undefined;
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.play.textContent = "Play";
    delete this.play.dataset.playing;
    this.status.setAttribute("aria-live", "polite");
  }

  space(event) {
    if (event.key !== " " || event.target.closest("button, a")) return;
    event.preventDefault();
    this.toggle();
  }
}
