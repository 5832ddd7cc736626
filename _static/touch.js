/* What the pages' knobs and touched figures share: controls, axes, and the opening of a box.

   A box (lfmp_book/show/touch.py) holds its data as JSON and what stands there without scripts and on paper.
   Its own script (knob-NAME.js, on pages that have one) puts `open(panel, data)` and its `formulas` into
   `lfmp.NAME`; nothing here or there asks for a file. */
(() => {
  "use strict";
  const lfmp = (globalThis.lfmp ??= {});
  const SPACE = "http://www.w3.org/2000/svg";

  const fill = (element, attributes, children) => {
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  };

  lfmp.make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
  lfmp.draw = (tag, attributes = {}, ...children) => fill(document.createElementNS(SPACE, tag), attributes, children);

  let count = 0;
  const named = (label, control, after = []) => {
    control.id = `lfmp-control-${(count += 1)}`;
    return lfmp.make("div", { class: "lfmp-control" }, lfmp.make("label", { for: control.id }, label), control, ...after);
  };

  /* A slider with its value beside it; `shown` writes the value in words. */
  lfmp.slider = (label, { min, max, step, value, shown = String, name }, changed) => {
    const control = lfmp.make("input", { type: "range", min, max, step, name });
    const said = lfmp.make("output", {});
    control.value = value;
    const say = () => {
      said.textContent = shown(Number(control.value));
      control.setAttribute("aria-valuetext", said.textContent);
    };
    control.addEventListener("input", () => {
      say();
      changed();
    });
    say();
    said.setAttribute("for", "");
    const node = named(label, control, [said]);
    said.setAttribute("for", control.id);
    return { node, control, value: () => Number(control.value) };
  };

  /* A menu; options are [value, words]. */
  lfmp.menu = (label, options, { value, name }, changed) => {
    const control = lfmp.make("select", { name });
    for (const [own, words] of options) control.append(lfmp.make("option", { value: own }, words));
    if (value !== undefined) control.value = value;
    control.addEventListener("change", changed);
    return { node: named(label, control), control, value: () => control.value };
  };

  lfmp.number = (label, { min, max, step = "any", value, name }, changed) => {
    const control = lfmp.make("input", { type: "number", min, max, step, name });
    control.value = value;
    control.addEventListener("input", changed);
    return { node: named(label, control), control, value: () => Number(control.value) };
  };

  lfmp.text = (label, { value, name }, changed) => {
    const control = lfmp.make("textarea", { rows: 3, name, spellcheck: "false", autocomplete: "off" });
    control.value = value;
    control.addEventListener("input", changed);
    const node = named(label, control);
    node.classList.add("lfmp-control-wide");
    return { node, control, value: () => control.value };
  };

  /* Boxes to tick, none or more; options are [value, words, mark]. */
  lfmp.ticks = (legend, options, changed) => {
    const boxes = new Map();
    const node = lfmp.make("fieldset", { class: "lfmp-ticks" }, lfmp.make("legend", {}, legend));
    for (const [value, words, mark] of options) {
      const box = lfmp.make("input", { type: "checkbox", name: value });
      box.checked = true;
      box.addEventListener("change", changed);
      boxes.set(value, box);
      node.append(lfmp.make("label", {}, box, ...(mark ? [" ", mark] : []), ` ${words}`));
    }
    return { node, value: () => new Set([...boxes].filter(([, box]) => box.checked).map(([value]) => value)) };
  };

  /* What is found out, said politely to who listens; each figure of it can be read by its name. */
  lfmp.said = () => {
    const node = lfmp.make("p", { class: "lfmp-found", role: "status" });
    return {
      node,
      say: (...parts) => node.replaceChildren(...parts),
    };
  };
  lfmp.figure = (name, value, words) => {
    const strong = lfmp.make("strong", { "data-name": name, "data-value": String(value) });
    strong.textContent = words;
    return strong;
  };

  lfmp.table = (caption, heads, rows) => {
    // a column is one of figures where its first cell is
    const figures = rows[0].map((cell) => /^[±+−-]?[\d.,]+$/.test(cell.textContent ?? cell));
    const line = (tag, cells) =>
      lfmp.make("tr", {}, ...cells.map((c, n) => lfmp.make(tag, { class: figures[n] ? "num" : null, scope: tag === "th" ? "col" : null }, c)));
    return lfmp.make(
      "div",
      { class: "lfmp-scroll", tabindex: "0", role: "group", "aria-label": caption },
      lfmp.make(
        "table",
        { class: "lfmp" },
        lfmp.make("caption", {}, lfmp.make("span", {}, caption)),
        lfmp.make("thead", {}, line("th", heads)),
        lfmp.make("tbody", {}, ...rows.map((cells) => line("td", cells))),
      ),
    );
  };

  /* Round places within a range, about so many. */
  lfmp.steps = (low, high, about = 5) => {
    const raw = (high - low) / about || 1;
    const size = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((k) => k * size).find((s) => s >= raw * 0.999);
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) found.push(Number((k * step).toPrecision(12)));
    return found;
  };

  const decades = (low, high) => {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
      for (const k of [1, 2, 5]) {
        const at = Number((k * 10 ** power).toPrecision(6));
        if (at >= low * 0.999 && at <= high * 1.001) found.push(at);
      }
    }
    if (found.length < 4) return lfmp.steps(low, high).filter((at) => at > 0);
    const whole = found.filter((at) => /^1/.test(String(at).replace(/^0\.0*/, "")));
    return found.length > 8 && whole.length > 2 ? whole : found;
  };

  /* How wide a drawing in a panel may be: its letters stay as large on a phone. */
  lfmp.room = (panel, most = 760) => Math.round(Math.max(280, Math.min(most, panel.clientWidth || most)));

  /* Axes to draw on. A picture for eyes: what it shows is said beside it, so that it is hidden from readers
     of screens unless it has a `label`. */
  lfmp.axes = ({ width, height = 290, x, y, across, up, log = false, left = 62, top = 12, right = 14, bottom = 46, shown = String, shownUp = String, label }) => {
    const svg = lfmp.draw("svg", {
      viewBox: `0 0 ${width} ${height}`,
      class: "lfmp-drawn",
      ...(label ? { role: "group", "aria-label": label } : { "aria-hidden": "true", focusable: "false" }),
    });
    const [x0, x1] = log ? x.map(Math.log) : x;
    const X = (v) => left + (((log ? Math.log(v) : v) - x0) / (x1 - x0 || 1)) * (width - left - right);
    const Y = (v) => height - bottom - ((v - y[0]) / (y[1] - y[0] || 1)) * (height - top - bottom);
    const grid = lfmp.draw("g", { class: "lfmp-axis" });
    for (const at of log ? decades(...x) : lfmp.steps(...x)) {
      grid.append(
        lfmp.draw("line", { x1: X(at), x2: X(at), y1: height - bottom, y2: height - bottom + 5 }),
        lfmp.draw("text", { x: X(at), y: height - bottom + 18, "text-anchor": "middle" }, shown(at)),
      );
    }
    for (const at of lfmp.steps(...y)) {
      grid.append(
        lfmp.draw("line", { x1: left, x2: width - right, y1: Y(at), y2: Y(at), class: "lfmp-grid" }),
        lfmp.draw("text", { x: left - 7, y: Y(at) + 4, "text-anchor": "end" }, shownUp(at)),
      );
    }
    grid.append(
      lfmp.draw("line", { x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }),
      lfmp.draw("text", { x: (left + width - right) / 2, y: height - 8, "text-anchor": "middle" }, across),
      lfmp.draw("text", { transform: `translate(14 ${(height - bottom + top) / 2}) rotate(-90)`, "text-anchor": "middle" }, up),
    );
    svg.append(grid);
    const line = (points, attributes = {}) => {
      const d = points.map(([a, b], n) => `${n ? "L" : "M"}${X(a).toFixed(1)} ${Y(b).toFixed(1)}`).join("");
      const path = lfmp.draw("path", { d, fill: "none", ...attributes });
      svg.append(path);
      return path;
    };
    return { svg, X, Y, line, width, height, left, top, right, bottom };
  };

  lfmp.signed = (value, digits = 4) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(digits);
  lfmp.grouped = (value) => Math.round(value).toLocaleString("en");

  const open = (box) => {
    const own = lfmp[box.dataset.knob];
    const held = box.querySelector('script[type="application/json"]');
    if (!own || !held) return;
    const panel = lfmp.make("div", { class: "lfmp-panel" });
    box.querySelector(".lfmp-still").before(panel);
    const show = own.open(panel, JSON.parse(held.textContent));
    box.classList.add("lfmp-open");
    let wide = panel.clientWidth;
    show(); // in the room that there is
    new ResizeObserver(() => {
      if (panel.clientWidth === wide) return;
      wide = panel.clientWidth;
      show();
    }).observe(panel);
  };

  if (typeof document !== "undefined") {
    document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".lfmp-touch").forEach(open));
  }
})();
