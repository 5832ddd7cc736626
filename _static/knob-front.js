/* Points to touch: what is bought at what price, on axes of choice, with those that nothing beats
   (lfmp_book/show/front.py). */
(() => {
  "use strict";
  const lfmp = (globalThis.lfmp ??= {});
  const SHAPES = [
    (r) => `M${-r} 0A${r} ${r} 0 1 0 ${r} 0A${r} ${r} 0 1 0 ${-r} 0Z`,
    (r) => `M${-r} ${-r}H${r}V${r}H${-r}Z`,
    (r) => `M0 ${-1.2 * r}L${1.15 * r} ${r}H${-1.15 * r}Z`,
    (r) => `M0 ${-1.35 * r}L${1.35 * r} 0L0 ${1.35 * r}L${-1.35 * r} 0Z`,
    (r) => `M0 ${1.2 * r}L${1.15 * r} ${-r}H${-1.15 * r}Z`,
    (r) => `M${-1.3 * r} ${-r / 2.4}H${-r / 2.4}V${-1.3 * r}H${r / 2.4}V${-r / 2.4}H${1.3 * r}V${r / 2.4}H${r / 2.4}V${1.3 * r}H${-r / 2.4}V${r / 2.4}H${-1.3 * r}Z`,
  ];

  /* Which points no other beats: at least as good in both, better in one. `ends` are 1 where more is better. */
  const front = (points, ends) =>
    points.map(
      (own, k) =>
        !points.some((other, n) => {
          if (n === k) return false;
          const gains = [0, 1].map((axis) => ends[axis] * (other[axis] - own[axis]));
          return gains[0] >= 0 && gains[1] >= 0 && (gains[0] > 0 || gains[1] > 0);
        }),
    );

  /* A point is [name, family, panel, more, …values in the order of axes]; a value is a mean, alone or with its ends. */
  const unpacked = ({ names, axes, points }) =>
    points.map(([name, family, panel, more, ...values]) => ({
      name: names[name], family, panel, more,
      values: Object.fromEntries(values.flatMap((v, k) => (v === null ? [] : [[axes[k].key, Array.isArray(v) ? v : [v]]]))),
    }));

  const open = (panel, data) => {
    const { panels, families, axes, x, y, noun } = data;
    const points = unpacked(data);
    const title = (key) => axes.find((axis) => axis.key === key);
    const show_ = (axis, v) => (axis.log || Math.abs(v) >= 100 ? String(Number(v.toPrecision(3))) : v.toFixed(axis.digits));
    const mark = (family, r = 5) => lfmp.draw("svg", { viewBox: "-8 -8 16 16", class: "lfmp-key", "aria-hidden": "true" }, lfmp.draw("path", { d: SHAPES[family % SHAPES.length](r), class: `lfmp-family-${family + 1}` }));
    const place = lfmp.menu("shown", panels.map((name, k) => [k, name]), { value: 0, name: "panel" }, () => show());
    const across = lfmp.menu("across", axes.filter((a) => a.across).map((a) => [a.key, a.title]), { value: x, name: "x" }, () => show());
    const up = lfmp.menu("up", axes.filter((a) => a.up).map((a) => [a.key, a.title]), { value: y, name: "y" }, () => show());
    const kinds = lfmp.ticks("families", families.map((name, k) => [String(k), name, mark(k)]), () => show());
    const found = lfmp.said();
    const board = lfmp.make("div", { class: "lfmp-board" });
    const tip = lfmp.make("div", { class: "lfmp-tip", hidden: true });

    const show = () => {
      const [a, b] = [title(across.value()), title(up.value())];
      const size = { width: lfmp.room(panel), height: 430 };
      const chosen = kinds.value();
      const all = points.filter((p) => p.panel === Number(place.value()) && chosen.has(String(p.family)) && p.values[a.key] && p.values[b.key]);
      tip.hidden = true;
      if (!all.length) {
        found.say("Nothing to show: tick a family.");
        board.replaceChildren(tip);
        return;
      }
      const at = (p, axis) => p.values[axis.key][0];
      const best = front(all.map((p) => [at(p, a), at(p, b)]), [a.more ? 1 : -1, b.more ? 1 : -1]);
      // what lies far below all others would leave no room for them: it goes to the edge, and says so
      const heights = all.map((p) => at(p, b)).sort((p, q) => p - q);
      const quartile = (q) => heights[Math.round(q * (heights.length - 1))];
      const reach = 4 * Math.max(quartile(0.75) - quartile(0.25), 1e-9);
      const clip = all.length > 8 ? [quartile(0.25) - reach, quartile(0.75) + reach] : [-Infinity, Infinity];
      const range = (values, log) => {
        let [low, high] = [Math.min(...values), Math.max(...values)];
        if (log) return [low / 1.25, high * 1.25];
        const room = 0.08 * (high - low || Math.abs(high) || 1);
        return [low - room, high + room];
      };
      const inside = all.filter((p) => at(p, b) >= clip[0] && at(p, b) <= clip[1]);
      const seen = range(inside.map((p) => at(p, b)), false);
      const log = a.log && all.every((p) => at(p, a) > 0);
      const wide = range(all.map((p) => at(p, a)), log);
      const drawn = lfmp.axes({
        ...size, x: wide, y: seen, log, across: a.title, up: b.title, left: 78,
        shown: (v) => String(Number(v.toPrecision(3))), shownUp: (v) => (b.digits ? v.toFixed(b.digits) : String(v)),
        label: `${b.title} against ${a.title}, ${all.length} points; arrows go from one to the next`,
      });
      const Y = (v) => Math.min(size.height - drawn.bottom - 6, Math.max(drawn.top + 6, drawn.Y(v)));
      if (seen[0] < 0 && seen[1] > 0 && b.zero) drawn.line(wide.map((v) => [v, 0]), { class: "lfmp-line lfmp-rule" });
      const onFront = all.filter((_, k) => best[k]).sort((p, q) => at(p, a) - at(q, a));
      const d = onFront.map((p, k) => {
        const [px, py] = [drawn.X(at(p, a)), Y(at(p, b))];
        return k ? `H${px.toFixed(1)}V${py.toFixed(1)}` : `M${px.toFixed(1)} ${py.toFixed(1)}`;
      });
      if (a.more) {
        // where more is better on both axes the step falls before it goes on
        onFront.forEach((p, k) => { if (k) d[k] = `V${Y(at(p, b)).toFixed(1)}H${drawn.X(at(p, a)).toFixed(1)}`; });
      }
      drawn.svg.append(lfmp.draw("path", { d: d.join(""), class: "lfmp-front", fill: "none" }));

      const told = (p) => {
        const part = (axis) => {
          const [v, low, high] = p.values[axis.key];
          return `${axis.title} ${show_(axis, v)}${low === undefined || low === null ? "" : ` [${show_(axis, low)}, ${show_(axis, high)}]`}`;
        };
        return `${p.name}: ${part(b)}; ${part(a)}${p.more ? `; ${p.more}` : ""}`;
      };
      const order = all.map((_, k) => k).sort((p, q) => at(all[p], a) - at(all[q], a) || at(all[p], b) - at(all[q], b));
      const nodes = new Map();
      const touch = (k, node) => {
        const p = all[k];
        tip.replaceChildren(lfmp.make("strong", {}, p.name), lfmp.make("span", {}, told(p).slice(p.name.length + 2)));
        tip.hidden = false;
        const [px, py] = [drawn.X(at(p, a)) / size.width, Y(at(p, b)) / size.height];
        const ground = drawn.svg.getBoundingClientRect();
        const frame = board.getBoundingClientRect();
        const left = ground.left - frame.left + px * ground.width;
        tip.style.left = `${Math.max(0, Math.min(frame.width - tip.offsetWidth, left - tip.offsetWidth / 2))}px`;
        tip.style.top = py < 0.4 ? `${py * ground.height + 14}px` : `${py * ground.height - tip.offsetHeight - 14}px`;
        nodes.forEach((other) => other.classList.toggle("lfmp-touched", other === node));
      };
      const leave = () => {
        tip.hidden = true;
        nodes.forEach((other) => other.classList.remove("lfmp-touched"));
      };
      for (const k of [...order].sort((p, q) => best[p] - best[q])) {
        const p = all[k];
        const [v, low, high] = p.values[b.key];
        const [px, py] = [drawn.X(at(p, a)), Y(v)];
        const off = v < clip[0] || v > clip[1];
        const node = lfmp.draw(
          "g",
          { class: `lfmp-point lfmp-family-${p.family + 1}${best[k] ? " lfmp-best" : ""}`, tabindex: "-1", role: "img", "aria-label": told(p) },
          ...(low === undefined || low === null || off ? [] : [lfmp.draw("line", { x1: px, x2: px, y1: Y(low), y2: Y(high), class: "lfmp-whisker" })]),
          lfmp.draw("circle", { cx: px, cy: py, r: 13, class: "lfmp-reach" }),
          lfmp.draw("path", { d: off ? SHAPES[4](4) : SHAPES[p.family % SHAPES.length](best[k] ? 6 : 4.5), transform: `translate(${px.toFixed(1)} ${py.toFixed(1)})` }),
        );
        nodes.set(k, node);
        node.addEventListener("mouseenter", () => touch(k, node));
        node.addEventListener("mouseleave", () => document.activeElement !== node && leave());
        node.addEventListener("focus", () => touch(k, node));
        node.addEventListener("blur", leave);
        node.addEventListener("click", () => node.focus());
        node.addEventListener("keydown", (event) => {
          const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
          const ends = { Home: 0, End: order.length - 1 }[event.key];
          if (event.key === "Escape") leave();
          if (by === undefined && ends === undefined) return;
          event.preventDefault();
          const next = ends ?? (order.indexOf(k) + by + order.length) % order.length;
          node.setAttribute("tabindex", "-1");
          const target = nodes.get(order[next]);
          target.setAttribute("tabindex", "0");
          target.focus();
        });
        drawn.svg.append(node);
      }
      nodes.get(order[0]).setAttribute("tabindex", "0");

      /* Names of the front, where there is room; the rest say theirs when they are touched. */
      const taken = all.map((p) => [drawn.X(at(p, a)) - 5, Y(at(p, b)) - 5, drawn.X(at(p, a)) + 5, Y(at(p, b)) + 5]);
      for (const p of onFront) {
        const [px, py] = [drawn.X(at(p, a)), Y(at(p, b))];
        const long = 6.6 * p.name.length;
        const tries = [[-long / 2, -12], [9, -8], [9, 14], [-long - 9, -8], [-long / 2, 20], [-long - 9, 14], [-long / 2, -26], [12, -22]];
        const free = tries.map(([dx, dy]) => [px + dx, py + dy - 10, px + dx + long, py + dy + 3]).find(
          (box) => box[0] > drawn.left && box[2] < size.width && box[1] > 0 && box[3] < size.height - drawn.bottom &&
            !taken.some((o) => box[0] < o[2] && box[2] > o[0] && box[1] < o[3] && box[3] > o[1]),
        );
        if (!free) continue;
        taken.push(free);
        drawn.svg.append(lfmp.draw("text", { x: free[0], y: free[3] - 3, class: `lfmp-label lfmp-family-${p.family + 1}` }, p.name));
      }
      const beyond = all.filter((p) => !inside.includes(p));
      found.say(
        "Not beaten in both at once: ", lfmp.figure("front", onFront.length, onFront.map((p) => p.name).join(", ")),
        ` (${onFront.length} of ${all.length} ${noun}).`,
        beyond.length ? ` At the edge, farther than drawn: ${beyond.map((p) => `${p.name} (${show_(b, at(p, b))})`).join(", ")}.` : "",
      );
      board.replaceChildren(drawn.svg, tip);
    };
    panel.append(lfmp.make("div", { class: "lfmp-controls lfmp-menus" }, ...(panels.length > 1 ? [place.node] : []), across.node, up.node, ...(families.length > 1 ? [kinds.node] : [])), board, found.node);
    return show;
  };

  lfmp.front = { open, formulas: { front, unpacked } };
})();
