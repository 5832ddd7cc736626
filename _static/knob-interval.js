/* How wide an interval of AUC is on so many rows, after `auc_error` of lfmp_book/evidence/datasets.py. */
(() => {
  "use strict";
  const lfmp = (globalThis.lfmp ??= {});
  const REACH = 1.959963984540054; // of a 95 % interval, in standard errors

  /* Hanley and McNeil, 1982. */
  const error = (auc, clicks, others) => {
    const above = auc / (2 - auc) - auc ** 2;
    const below = (2 * auc ** 2) / (1 + auc) - auc ** 2;
    return Math.sqrt((auc * (1 - auc) + (clicks - 1) * above + (others - 1) * below) / (clicks * others));
  };

  /* Half of the interval of one AUC, and of the difference of two on the same rows whose errors go together. */
  const half = (auc, rows, rate, together) => {
    const clicks = Math.min(rows - 1, Math.max(1, Math.round(rows * rate)));
    const one = REACH * error(auc, clicks, rows - clicks);
    return { one, pair: one * Math.sqrt(2 * (1 - together)) };
  };

  /* The least rows at which half the interval of a difference is at most `line`; null beyond 10¹². */
  const needed = (auc, rate, together, line) => {
    const wide = (rows) => half(auc, rows, rate, together).pair > line;
    let [low, high] = [2, 4];
    while (wide(high)) {
      if (high > 1e12) return null;
      [low, high] = [high, 2 * high];
    }
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      [low, high] = wide(middle) ? [middle, high] : [low, middle];
    }
    return high;
  };

  const open = (panel, { rows, rate, auc, together, line, sets }) => {
    const found = lfmp.said();
    const picture = lfmp.make("div");
    const parts = {
      rows: lfmp.number("test rows", { min: 100, max: 1e10, step: 1, value: rows, name: "rows" }, () => show()),
      rate: lfmp.slider("share of clicks", { min: 0.01, max: 0.9, step: 0.01, value: rate, shown: (v) => `${(100 * v).toFixed(0)} %`, name: "rate" }, () => show()),
      auc: lfmp.slider("AUC", { min: 0.51, max: 0.99, step: 0.01, value: auc, shown: (v) => v.toFixed(2), name: "auc" }, () => show()),
      together: lfmp.slider("how far two models err together", { min: 0, max: 0.995, step: 0.005, value: together, shown: (v) => v.toFixed(3), name: "together" }, () => show()),
    };
    const show = () => {
      const [n, p, a, r] = ["rows", "rate", "auc", "together"].map((name) => parts[name].value());
      if (!(n >= 100 && n <= 1e10)) {
        found.say("Give the number of test rows, 100 at least.");
        picture.replaceChildren();
        return;
      }
      const own = half(a, n, p, r);
      const least = needed(a, p, r, line);
      found.say(
        "One AUC: ± ", lfmp.figure("one", own.one, own.one.toFixed(4)), ". A difference of two on the same rows: ± ",
        lfmp.figure("pair", own.pair, own.pair.toFixed(4)), `. For ± ${line} of it: `,
        lfmp.figure("needed", least, least === null ? "more than 10¹² rows" : `${lfmp.grouped(least)} rows`), ".",
      );
      const at = Array.from({ length: 61 }, (_, k) => 10 ** (3 + (k * 6) / 60));
      const low = -5;
      const log = (v) => Math.max(low, Math.log10(v));
      const curves = ["one", "pair"].map((which) => at.map((rows_) => [rows_, log(half(a, rows_, p, r)[which])]));
      const axes = lfmp.axes({
        width: lfmp.room(panel), x: [1e3, 1e9], y: [low, -0.8], log: true, right: 26, across: "test rows", up: "half of the 95 % interval",
        shown: (v) => (v >= 1e6 ? `${v / 1e6}M` : v >= 1e3 ? `${v / 1e3}K` : v), shownUp: (v) => (Number.isInteger(v) ? String(10 ** v) : ""), height: 290,
      });
      axes.line([[1e3, Math.log10(line)], [1e9, Math.log10(line)]], { class: "lfmp-line lfmp-rule" });
      curves.forEach((points, k) => {
        axes.line(points, { class: `lfmp-line lfmp-line-${k + 1}` });
        const [x, y] = points[k ? 24 : 28];
        const at_ = k ? { x: axes.X(x) - 6, y: axes.Y(y) + 16, "text-anchor": "end" } : { x: axes.X(x) + 6, y: axes.Y(y) - 8 };
        axes.svg.append(lfmp.draw("text", { ...at_, class: `lfmp-name-of-${k + 1}` }, k ? "a difference" : "one AUC"));
      });
      for (const [k, which] of ["one", "pair"].entries()) {
        if (n >= 1e3 && n <= 1e9) axes.svg.append(lfmp.draw("circle", { cx: axes.X(n), cy: axes.Y(log(own[which])), r: 5, class: `lfmp-dot-${k + 1}` }));
      }
      picture.replaceChildren(axes.svg);
    };
    const near = lfmp.make("div", { class: "lfmp-presets" }, "As of: ");
    for (const set of sets) {
      const button = lfmp.make("button", { type: "button" }, set.name);
      button.addEventListener("click", () => {
        for (const name of ["rows", "rate", "auc"]) {
          parts[name].control.value = set[name];
          parts[name].control.dispatchEvent(new Event("input"));
        }
      });
      near.append(button);
    }
    panel.append(near, lfmp.make("div", { class: "lfmp-controls" }, ...Object.values(parts).map((part) => part.node)), found.node, picture);
    return show;
  };

  lfmp.interval = { open, formulas: { error, half, needed } };
})();
