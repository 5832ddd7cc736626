/* One hard-concrete gate: its masses at 0 and 1 and its density between, after lfmp_book/lightfmp/gate_law.py. */
(() => {
  "use strict";
  const lfmp = (globalThis.lfmp ??= {});
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));

  /* z = min(1, max(0, s(ζ−γ)+γ)), s = σ((log u/(1−u) + log α)/β). */
  const law = (logAlpha, beta, gamma, zeta) => {
    const below = (z) => {
      const s = (z - gamma) / (zeta - gamma); // P(s ≤ x) = σ(β log x/(1−x) − log α)
      if (s <= 0) return 0;
      return s >= 1 ? 1 : sigmoid(beta * Math.log(s / (1 - s)) - logAlpha);
    };
    return {
      closed: below(0),
      open: 1 - below(1),
      density: (z) => {
        const s = (z - gamma) / (zeta - gamma);
        const p = below(z);
        return (beta * p * (1 - p)) / (s * (1 - s) * (zeta - gamma));
      },
      still: Math.min(1, Math.max(0, sigmoid(logAlpha / beta) * (zeta - gamma) + gamma)),
      /* E z = ∫ P(z > x) dx over 0…1, by Simpson's rule. */
      mean: (() => {
        const n = 2000;
        let sum = 0;
        for (let k = 0; k <= n; k += 1) sum += (k === 0 || k === n ? 1 : k % 2 ? 4 : 2) * (1 - below(k / n));
        return sum / (3 * n);
      })(),
    };
  };

  const open = (panel, { start, beta, gamma, zeta }) => {
    const two = (v) => v.toFixed(2);
    const told = (v) => `${two(v)}, α = ${Math.exp(v).toPrecision(3)}`;
    const found = lfmp.said();
    const picture = lfmp.make("div");
    const parts = {
      logAlpha: lfmp.slider("log α", { min: -4.6, max: 4.6, step: 0.05, value: start, shown: told, name: "log_alpha" }, () => show()),
      beta: lfmp.slider("temperature β", { min: 0.1, max: 2, step: 0.01, value: beta, shown: two, name: "beta" }, () => show()),
      gamma: lfmp.slider("lower stretch γ", { min: -1, max: -0.01, step: 0.01, value: gamma, shown: two, name: "gamma" }, () => show()),
      zeta: lfmp.slider("upper stretch ζ", { min: 1.01, max: 2, step: 0.01, value: zeta, shown: two, name: "zeta" }, () => show()),
    };
    const show = () => {
      const own = law(...["logAlpha", "beta", "gamma", "zeta"].map((name) => parts[name].value()));
      const percent = (v) => `${(100 * v).toFixed(1)} %`;
      found.say(
        "Closed, z = 0: ", lfmp.figure("closed", own.closed, percent(own.closed)),
        "; open, z = 1: ", lfmp.figure("open", own.open, percent(own.open)),
        "; mean: ", lfmp.figure("mean", own.mean, own.mean.toFixed(3)),
        "; without noise: ", lfmp.figure("still", own.still, own.still.toFixed(3)), ".",
      );
      const at = Array.from({ length: 199 }, (_, k) => (k + 1) / 200);
      const density = at.map((z) => [z, own.density(z)]);
      const high = Math.max(1, 1.08 * Math.max(...density.slice(4, -4).map(([, f]) => f)));
      const axes = lfmp.axes({ width: lfmp.room(panel), x: [-0.09, 1.09], y: [0, high], across: "gate z; bars: closed and open, shares of all", up: "density between", height: 270 });
      const clip = density.map(([z, f]) => [z, Math.min(f, high)]);
      axes.line([[at[0], 0], ...clip, [at.at(-1), 0]], { class: "lfmp-area" });
      axes.line(clip, { class: "lfmp-line" });
      for (const [place, mass] of [[0, own.closed], [1, own.open]]) {
        const tall = (axes.height - axes.top - axes.bottom) * mass;
        axes.svg.append(
          lfmp.draw("rect", { x: axes.X(place) - 9 + (place ? 12 : -12), y: axes.height - axes.bottom - tall, width: 18, height: tall, class: "lfmp-mass" }),
          lfmp.draw("text", { x: axes.X(place) + (place ? 12 : -12), y: Math.max(12, axes.height - axes.bottom - tall - 5), "text-anchor": "middle" }, percent(mass)),
        );
      }
      picture.replaceChildren(axes.svg);
    };
    panel.append(lfmp.make("div", { class: "lfmp-controls" }, ...Object.values(parts).map((p) => p.node)), found.node, picture);
    return show;
  };

  lfmp.gate = { open, formulas: { law: (...given) => (({ closed, open: opened, still, mean }) => ({ closed, open: opened, still, mean }))(law(...given)), density: (z, ...given) => law(...given).density(z) }, law };
})();
