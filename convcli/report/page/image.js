// The user's kernel on the user's image, or on a small grid of numbers.

function facts(yours, ...more) {
  const head = el("p", {}, el("code", {}, yours.kernel), yours.source ? " on " : " on a small grid", yours.source ? el("code", {}, yours.source) : "");
  return el("div", { class: "facts" }, head, el("p", { class: "idea" }, `${yours.says}.`, yours.effect ? ` ${yours.effect}` : ""), el("p", {}, `Mapping: ${yours.mapping}.`), ...more);
}

class YourGrid extends Lab {
  constructor(root, yours) {
    root.append(facts(yours));
    super(root, [yours.walk], { ledger: yours.walk.steps.length <= 36, size: true, start: yours.start });
  }
}

const CHANNELS = { R: "red", G: "green", B: "blue", L: "gray", A: "alpha", C: "cyan", M: "magenta", Y: "yellow", K: "black" };
const MOST_TERMS = 25; // weights that are written out
const MOST_NUMBERS = 9; // columns of a matrix with numbers in it; wider ones are shades

class YourImage {
  constructor(root, yours) {
    this.yours = yours;
    this.channel = 0;
    const { views, channels } = yours;
    const [rows, cols] = yours.out;
    this.status = el("p", { class: "now", role: "status", "aria-live": "polite" });
    this.readout = el("p", { class: "readout" });
    this.parts = yours.parts.map((part) => this.part(part));
    this.equation = el("div", {});
    this.chain = el("ol", { class: "chain", "aria-label": "From the sum to the pixel" });
    const about = choices("A close look at", "view", views.map((view) => [view.name, `row ${view.focus[0]}, column ${view.focus[1]}`]), (k) => this.load(k));
    const names = channels.map((name) => [CHANNELS[name] ?? "samples", ""]);
    const pick = channels.length > 1 ? [choices("Numbers of the channel", "channel", names, (k) => { this.channel = k; this.go(this.row, this.col); })] : [];
    this.rowSlide = slider("Row", 0, 1, 0, (value) => this.go(value, this.col));
    this.colSlide = slider("Column", 0, 1, 0, (value) => this.go(this.row, value));
    this.about = el("p", { class: "note" });
    root.append(
      facts(yours, el("div", { class: "size" }, sizeLine(yours.formulas[0], "height"), sizeLine(yours.formulas[1], "width"))),
      el("div", { class: "photos" },
        this.photo("before", `the image: ${yours.size[0]} rows, ${yours.size[1]} columns`),
        this.photo("after", `the result: ${rows} rows, ${cols} columns`)),
      el("div", { class: "stack" }, about, ...pick, this.about),
      el("div", { class: "stage lenses" }, this.lens("before", "patch", "below the kernel"), this.lens("after", "output", "the pixel it becomes")),
      el("div", { class: "controls" }, this.rowSlide.label, this.colSlide.label),
      ...this.parts.map((part) => part.element),
      el("div", { class: "formula" }, this.status, this.equation, this.chain, this.readout));
    this.radios = [...about.querySelectorAll("input")];
    linked(root, (k) => this.point(k));
    document.addEventListener("repaint", () => this.go(this.row, this.col));
    this.load(0);
  }

  part(part) {
    const size = [part.weights.length, part.weights[0].length];
    const wide = size[1] > MOST_NUMBERS;
    const matrix = (kind, detail = "") => {
      const made = wide ? new Shades(kind, kind, detail, size) : new Matrix(kind, kind, detail, size);
      made.canvas?.addEventListener("pointermove", (event) => this.point(made.under(event)));
      return made;
    };
    const made = { patch: matrix("patch"), kernel: matrix("kernel", part.divisor === 1 ? "" : `÷ ${show(part.divisor)}`), products: matrix("products"), weights: flat(part.weights) };
    const op = (sign) => el("span", { class: "op", "aria-hidden": "true" }, sign);
    const title = this.yours.parts.length > 1 ? [el("h3", {}, part.name)] : [];
    made.element = el("div", { class: "yours-part" }, ...title,
      el("div", { class: `work ${wide ? "shades" : size[1] > 5 ? "big" : ""}` }, made.patch.figure, op("×"), made.kernel.figure, op("="), made.products.figure));
    return made;
  }

  photo(side, caption) {
    const { yours } = this;
    const [rows, cols] = yours[`${side}Size`];
    const image = el("img", { src: yours[side], width: cols, height: rows, alt: side === "before" ? "The image" : "The filtered image" });
    const photo = el("div", { class: rows * cols <= 4096 ? "photo tiny" : "photo" }, image);
    const spots = yours.views.map((view) => {
      const spot = el("span", { class: "spot", "aria-hidden": "true" });
      const [top, left, height, width] = side === "before" ? view.spotBefore : view.spotAfter;
      Object.assign(spot.style, { top: percent(top), left: percent(left), height: percent(height), width: percent(width) });
      photo.append(spot);
      return spot;
    });
    this[`${side}Spots`] = spots;
    photo.addEventListener("click", (event) => this.pick(side, event, photo));
    const scale = (yours.factor > 1 ? `, shown at 1:${yours.factor}` : "") + (yours.stretched[side] ? ", brightness stretched" : "");
    return el("figure", {}, el("figcaption", {}, caption + scale), photo);
  }

  // The close look that is nearest to a click, and the place in it.
  pick(side, event, photo) {
    const box = photo.getBoundingClientRect();
    const y = (event.clientY - box.top) / box.height;
    const x = (event.clientX - box.left) / box.width;
    const spots = this.yours.views.map((view) => (side === "before" ? view.spotBefore : view.spotAfter));
    const far = spots.map(([top, left, height, width]) => Math.hypot((top + height / 2 - y) * box.height, (left + width / 2 - x) * box.width));
    const k = far.indexOf(Math.min(...far));
    const [top, left, height, width] = spots[k];
    this.radios[k].checked = true;
    this.load(k);
    this.go(Math.floor(((y - top) / height) * this.view.rows.length), Math.floor(((x - left) / width) * this.view.cols.length));
  }

  lens(side, name, caption) {
    const image = el("img", { alt: "" });
    const net = el("div", { class: "net" });
    const box = el("div", { class: side === "before" ? "box" : "box result" });
    const lens = el("div", {
      class: "lens", tabindex: 0, role: "group",
      "aria-label": side === "before" ? "Close look at the image: arrow keys move the kernel" : "Close look at the result: arrow keys move the pixel",
    }, image, net, box);
    const follow = (event) => {
      const bounds = lens.getBoundingClientRect();
      this.near(side, (event.clientY - bounds.top) / bounds.height, (event.clientX - bounds.left) / bounds.width);
    };
    lens.addEventListener("pointerdown", follow);
    lens.addEventListener("pointermove", (event) => { if (event.buttons === 1) follow(event); });
    lens.addEventListener("dragstart", (event) => event.preventDefault());
    lens.addEventListener("keydown", (event) => {
      const to = moved(event.key, [this.row, this.col], [this.view.rows.length, this.view.cols.length]);
      if (!to) return;
      event.preventDefault();
      this.go(...to);
    });
    this[`${side}Lens`] = { lens, image, net, box };
    return el("figure", { class: `fig lens-look ${name}` }, el("figcaption", {}, el("b", {}, name), " ", caption), lens);
  }

  // The position whose window has its middle nearest to a point.
  near(side, y, x) {
    const { view } = this;
    if (side === "after") return this.go(Math.floor(y * view.rows.length), Math.floor(x * view.cols.length));
    const nearest = (taps, at, size) => {
      const far = taps.map((places) => Math.abs((places[0] + places.at(-1) + 1) / 2 - at * size));
      return far.indexOf(Math.min(...far));
    };
    return this.go(nearest(view.windowRows, y, view.size[0]), nearest(view.windowCols, x, view.size[1]));
  }

  load(k) {
    const view = (this.view = this.yours.views[k]);
    [this.beforeSpots, this.afterSpots].forEach((spots) => spots.forEach((spot, n) => spot.classList.toggle("now", n === k)));
    for (const [side, [rows, cols]] of [["before", view.size], ["after", [view.rows.length, view.cols.length]]]) {
      const lens = this[`${side}Lens`];
      lens.image.src = view[side];
      lens.image.width = cols;
      lens.image.height = rows;
      lens.net.style.backgroundSize = `${100 / cols}% ${100 / rows}%`;
      lens.net.hidden = cols > 48;
    }
    this.beyond();
    this.rowSlide.limit(view.rows.length - 1);
    this.colSlide.limit(view.cols.length - 1);
    const [top, left] = [view.rows[0], view.cols[0]];
    const last = [view.rows.at(-1), view.cols.at(-1)];
    const [rows, cols] = this.yours.out;
    this.about.textContent = `This page holds the numbers of ${this.yours.views.length} parts of the image, marked above. `
      + `This one: rows ${top} to ${last[0]} of ${rows}, columns ${left} to ${last[1]} of ${cols} of the result.`
      + (this.yours.channels.length === 1 && this.yours.channels[0] !== "L" ? ` The numbers are those of one channel: ${CHANNELS[this.yours.channels[0]] ?? "the first"}.` : "")
      + (this.yours.alpha ? " Here alpha is left as it is; convcli apply weighs colour by it." : "");
    this.go(view.focus[0] - top, view.focus[1] - left);
  }

  // Padding within the close look.
  beyond() {
    const { lens } = this.beforeLens;
    const [[top, bottom], [left, right]] = this.view.outside;
    const [rows, cols] = this.view.size;
    lens.querySelectorAll(".beyond").forEach((strip) => strip.remove());
    const strip = (y, x, height, width) => {
      if (height <= 0 || width <= 0) return;
      const element = el("span", { class: "beyond" });
      Object.assign(element.style, { top: percent(y / rows), left: percent(x / cols), height: percent(height / rows), width: percent(width / cols) });
      lens.insertBefore(element, this.beforeLens.net);
    };
    strip(0, 0, top, cols);
    strip(rows - bottom, 0, bottom, cols);
    strip(top, 0, rows - top - bottom, left);
    strip(top, cols - right, rows - top - bottom, right);
  }

  go(row, col) {
    const { view, yours } = this;
    this.row = Math.max(0, Math.min(view.rows.length - 1, row));
    this.col = Math.max(0, Math.min(view.cols.length - 1, col));
    const channel = view.channels[this.channel];
    const place = channel.places[this.row * view.cols.length + this.col];
    const [rows, cols] = [view.windowRows[this.row], view.windowCols[this.col]];
    frameOf(this.beforeLens.box, rows[0], cols[0], rows.at(-1) + 1, cols.at(-1) + 1, view.size);
    frameOf(this.afterLens.box, this.row, this.col, this.row + 1, this.col + 1, [view.rows.length, view.cols.length]);
    const at = `row ${view.rows[this.row]}, column ${view.cols[this.col]}`;
    this.rowSlide.set(this.row, String(view.rows[this.row]));
    this.colSlide.set(this.col, String(view.cols[this.col]));
    if (!place) {
      this.status.textContent = `At ${at} a sample is infinite or no number: nothing can be worked out.`;
      return;
    }
    const [products, totals, steps, value] = place;
    const patch = flat(rows.map((y) => cols.map((x) => channel.cells[y][x])));
    const [[top, bottom], [left, right]] = view.outside;
    const outside = flat(rows.map((y) => cols.map((x) => y < top || x < left || y >= view.size[0] - bottom || x >= view.size[1] - right)));
    this.parts.forEach((part, k) => {
      part.patch.fillFlat(patch, cols.length, outside);
      part.kernel.fillFlat(part.weights, cols.length);
      part.products.fillFlat(products[k], cols.length);
    });
    this.now = { patch, products };
    const results = [];
    const steps2 = steps.map(([label, number]) => [channel.labels[label], number]);
    const name = CHANNELS[yours.channels[this.channel]];
    this.status.replaceChildren(`Output at ${at}${name ? `, ${name}` : ""}: `, el("b", {}, show(value)));
    yours.parts.forEach((part, k) => results.push(patch.length <= MOST_TERMS
      ? dotProduct(patch, part.weights, totals[k], outside)
      : el("p", { class: "equation" }, `the sum of ${patch.length} products = `, el("span", { class: "total" }, show(totals[k])))));
    this.equation.replaceChildren(...results);
    const sums = totals.map((total, k) => [yours.parts.length > 1 ? `sum, ${yours.parts[k].name}` : "sum of the products", total]);
    const item = ([label, number], kind = "") => el("li", { class: kind }, el("small", {}, label), show(number));
    this.chain.replaceChildren(...sums.map((sum) => item(sum)), ...steps2.map((step) => item(step)), item(["pixel", value], "pixel"));
    this.point(null);
  }

  // Say the numbers of the tap that is pointed at.
  point(k) {
    if (k === null || !this.now) {
      this.readout.textContent = "Point at a number to see it in the patch, the kernel and the products.";
      return;
    }
    this.readout.textContent = this.parts.map((part, n) =>
      `${show(this.now.patch[k])} × ${signed(part.weights[k])} = ${show(this.now.products[n][k])}`).join("; ");
  }
}

const percent = (share) => `${100 * share}%`;

function frameOf(box, top, left, bottom, right, [rows, cols]) {
  Object.assign(box.style, { top: percent(top / rows), left: percent(left / cols), height: percent((bottom - top) / rows), width: percent((right - left) / cols) });
}
