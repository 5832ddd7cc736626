/* Light-FMP's equation 4 in its two readings, after lfmp_book/lightfmp/gate_law.py. Needs knob-gate.js. */
(() => {
  "use strict";
  const lfmp = (globalThis.lfmp ??= {});

  /* λ g + φ g². As printed g is the mean gate, what is kept, less τ; repaired it is the expected share closed, less τ. */
  const penalty = (reading, logAlpha, tau, lambda, phi, settings) => {
    const law = lfmp.gate.law(logAlpha, ...settings);
    const gap = (reading === "as_printed" ? law.mean : law.closed) - tau;
    return lambda * gap + phi * gap * gap;
  };

  /* The common log α of all gates at which a reading's gap is 0, by bisection, and the share closed there. */
  const settles = (reading, tau, settings) => {
    let [low, high] = [-12, 12];
    for (let k = 0; k < 60; k += 1) {
      const middle = (low + high) / 2;
      const law = lfmp.gate.law(middle, ...settings);
      const rises = reading === "as_printed" ? law.mean > tau : law.closed < tau;
      [low, high] = rises ? [low, middle] : [middle, high];
    }
    const law = lfmp.gate.law((low + high) / 2, ...settings);
    return { logAlpha: (low + high) / 2, closed: law.closed, mean: law.mean };
  };

  const open = (panel, { settings, tau, lambda, phi }) => {
    const two = (v) => v.toFixed(2);
    const found = lfmp.said();
    const picture = lfmp.make("div");
    const parts = {
      tau: lfmp.slider("prune ratio τ", { min: 0.05, max: 0.95, step: 0.05, value: tau, shown: two, name: "tau" }, () => show()),
      lambda: lfmp.slider("λ", { min: 0, max: 5, step: 0.1, value: lambda, shown: two, name: "lambda" }, () => show()),
      phi: lfmp.slider("φ", { min: 0, max: 20, step: 0.5, value: phi, shown: two, name: "phi" }, () => show()),
    };
    const percent = (v) => `${(100 * v).toFixed(0)} %`;
    const show = () => {
      const [t, l, p] = ["tau", "lambda", "phi"].map((name) => parts[name].value());
      const [printed, repaired] = ["as_printed", "expected"].map((reading) => settles(reading, t, settings));
      found.say(
        `Asked: ${percent(t)} of the fields pruned. As printed the gap is 0 where gates are open by `,
        lfmp.figure("printed_mean", printed.mean, percent(printed.mean)), " on average, that is with ",
        lfmp.figure("printed_closed", printed.closed, percent(printed.closed)), " closed; repaired, where ",
        lfmp.figure("repaired_closed", repaired.closed, percent(repaired.closed)), " are closed.",
        l || p ? "" : " With λ = φ = 0, where Algorithm 1 leaves them, neither reading asks for anything.",
      );
      const at = Array.from({ length: 121 }, (_, k) => -4.6 + (9.2 * k) / 120);
      const curves = ["as_printed", "expected"].map((reading) => at.map((a) => [a, penalty(reading, a, t, l, p, settings)]));
      const all = curves.flat().map(([, v]) => v);
      const axes = lfmp.axes({
        width: lfmp.room(panel), x: [-4.6, 4.6], y: [Math.min(0, ...all), Math.max(0.1, ...all) * 1.05], height: 280,
        across: "log α, the same of all fields: left closed, right open", up: "penalty λ g + φ g²",
      });
      curves.forEach((points, n) => {
        axes.line(points, { class: `lfmp-line lfmp-line-${n + 1}` });
        const [a, b] = points[n ? 12 : 108];
        axes.svg.append(lfmp.draw("text", { x: axes.X(a), y: Math.max(16, axes.Y(b) - 8), class: `lfmp-name-of-${n + 1}`, "text-anchor": n ? "start" : "end" }, n ? "repaired" : "as printed"));
        const zero = n ? repaired : printed;
        if (Math.abs(zero.logAlpha) < 4.6) axes.svg.append(lfmp.draw("circle", { cx: axes.X(zero.logAlpha), cy: axes.Y(0), r: 4.5, class: `lfmp-dot-${n + 1}` }));
      });
      picture.replaceChildren(axes.svg);
    };
    panel.append(lfmp.make("div", { class: "lfmp-controls" }, ...Object.values(parts).map((part) => part.node)), found.node, picture);
    return show;
  };

  lfmp.equation = { open, formulas: { penalty, settles } };
})();
