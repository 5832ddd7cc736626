/* Light-FMP by prune ratio and pretraining rows, from slices that records were cut into beforehand
   (lfmp_book/lightfmp/fig2d_slices.py). Nothing is computed here but where things are drawn. */
(() => {
  "use strict";
  const lfmp = (globalThis.lfmp ??= {});
  const find = (slices, arm, tau) => slices.find((one) => one.arm === arm && one.tau === tau) ?? null;

  const open = (panel, { slices, names, ids }) => {
    const arms = [...new Set(slices.map((one) => one.arm))];
    const taus = [...new Set(slices.map((one) => one.tau))].sort((a, b) => a - b);
    const words = new Map(arms.map((arm) => {
      const { rows, passes } = slices.find((one) => one.arm === arm);
      const own = /^[\d,]+ rows × /.test(arm) ? "" : `: ${arm.replace("Light-FMP, ", "")}`;
      return [arm, `${lfmp.grouped(rows)} rows, ${lfmp.grouped(passes)} pass${passes === 1 ? "" : "es"}${own}`];
    }));
    const start = slices.findIndex((one) => one.arm === arms.at(-1));
    const found = lfmp.said();
    const picture = lfmp.make("div");
    const strip = lfmp.make("div", { class: "lfmp-scroll", tabindex: "0", role: "group", "aria-label": "Fields kept" });
    const arm = lfmp.slider("pretraining", { min: 0, max: arms.length - 1, step: 1, value: arms.indexOf(slices[start].arm), shown: (v) => words.get(arms[v]), name: "arm" }, () => show());
    const tau = lfmp.slider("prune ratio τ", { min: 0, max: taus.length - 1, step: 1, value: taus.indexOf(0.5), shown: (v) => taus[v].toFixed(2), name: "tau" }, () => show());
    const order = ids.map((_, f) => f).sort((a, b) => ids[b] - ids[a]);
    const interval = ([d, low, high]) => `${lfmp.signed(d)} [${lfmp.signed(low)}, ${lfmp.signed(high)}]`;

    const differences = (chosen, t) => {
      const own = arms.map((name) => find(slices, name, t));
      const there = own.flatMap((one) => (one?.random ? one.random : [])).concat(0);
      const [low, high] = [Math.min(...there), Math.max(...there)];
      const axes = lfmp.axes({ width: lfmp.room(panel), x: [-0.5, arms.length - 0.5], y: [low - 0.1 * (high - low), high + 0.1 * (high - low)], across: "pretraining rows, few to many", up: "test AUC, less random fields", shown: () => "", shownUp: (v) => v.toFixed(3), height: 270, left: 74 });
      axes.line([[-0.5, 0], [arms.length - 0.5, 0]], { class: "lfmp-line lfmp-rule" });
      own.forEach((one, k) => {
        const label = lfmp.draw("text", { x: axes.X(k), y: axes.height - axes.bottom + 18, "text-anchor": "middle" });
        label.textContent = slices.find((s) => s.arm === arms[k]).rows.toLocaleString("en");
        axes.svg.append(label);
        if (!one?.random) return;
        const kind = k === chosen ? "lfmp-chosen" : "lfmp-other";
        axes.svg.append(
          lfmp.draw("line", { x1: axes.X(k), x2: axes.X(k), y1: axes.Y(one.random[1]), y2: axes.Y(one.random[2]), class: kind }),
          lfmp.draw("circle", { cx: axes.X(k), cy: axes.Y(one.random[0]), r: k === chosen ? 6 : 4, class: kind }),
        );
      });
      return axes.svg;
    };

    const fields = (one) => {
      const [step, tall, top] = [17, 90, 16];
      const svg = lfmp.draw("svg", { viewBox: `0 0 ${step * order.length + 34} ${tall + top + 56}`, class: "lfmp-drawn lfmp-strip", "aria-hidden": "true" });
      order.forEach((f, k) => {
        const x = 30 + k * step;
        const height = (tall * one.kept[f]) / one.seeds;
        svg.append(
          lfmp.draw("rect", { x, y: top, width: step - 4, height: tall, class: "lfmp-ground" }),
          lfmp.draw("rect", { x, y: top + tall - height, width: step - 4, height, class: "lfmp-mass" }),
          lfmp.draw("text", { transform: `translate(${x + 9} ${top + tall + 6}) rotate(-90)`, "text-anchor": "end" }, names[f]),
        );
      });
      svg.append(lfmp.draw("text", { x: 0, y: top + 10 }, `${one.seeds}`), lfmp.draw("text", { x: 0, y: top + tall }, "0"));
      return svg;
    };

    const show = () => {
      const [name, t] = [arms[arm.value()], taus[tau.value()]];
      const one = find(slices, name, t);
      picture.replaceChildren(differences(arm.value(), t));
      if (!one) {
        const others = taus.filter((other) => find(slices, name, other)).map((v) => v.toFixed(2));
        found.say(`No run has τ = ${t.toFixed(2)} with this pretraining; there is ${others.join(", ")}.`);
        strip.replaceChildren();
        return;
      }
      const always = order.filter((f) => one.kept[f] === one.seeds).length;
      const never = order.filter((f) => one.kept[f] === 0).length;
      found.say(
        "Test AUC ", lfmp.figure("auc", one.auc, one.auc.toFixed(4)), ` ± ${one.spread.toFixed(4)} over `, lfmp.figure("seeds", one.seeds, `${one.seeds} seeds`),
        "; to random fields ", one.random ? lfmp.figure("random", one.random[0], interval(one.random)) : "not compared",
        "; to all fields ", one.whole ? lfmp.figure("whole", one.whole[0], interval(one.whole)) : "not compared",
        `. ${always} fields are kept by every seed, ${never} by none.`,
      );
      strip.replaceChildren(
        lfmp.make("p", { class: "lfmp-touch-words" }, "In how many seeds each field stays, those of most ids first:"),
        fields(one),
      );
    };
    panel.append(lfmp.make("div", { class: "lfmp-controls" }, arm.node, tau.node), found.node, picture, strip);
    return show;
  };

  lfmp.slices = { open, formulas: { find } };
})();
