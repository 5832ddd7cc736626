/* The line below which a difference is none, moved: comparisons counted anew by Holm's procedure, after
   `decide` of lfmp_core/experiments/decisions.py. */
(() => {
  "use strict";
  const lfmp = (globalThis.lfmp ??= {});
  const ROUNDING = 1e-12;
  const WORDS = ["better", "equal", "undecided", "worse"];

  /* log Γ, by Lanczos' approximation. */
  const logGamma = (x) => {
    const c = [676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905, -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7];
    if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
    let sum = 0.9999999999998099;
    c.forEach((v, k) => (sum += v / (x + k)));
    const t = x + 6.5;
    return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
  };

  /* Iₓ(a, b), the regularised incomplete beta function, by Lentz' continued fraction. */
  const beta = (x, a, b) => {
    if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
    if (x > (a + 1) / (a + b + 2)) return 1 - beta(1 - x, b, a);
    const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
    const tiny = 1e-300;
    let [c, d] = [1, 1 - ((a + b) * x) / (a + 1)];
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    let f = d;
    for (let m = 1; m < 500; m += 1) {
      for (const k of [(m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)), (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))]) {
        d = 1 + k * d;
        d = 1 / (Math.abs(d) < tiny ? tiny : d);
        c = 1 + k / c;
        c = Math.abs(c) < tiny ? tiny : c;
        f *= c * d;
      }
      if (Math.abs(c * d - 1) < 1e-15) break;
    }
    return front * f;
  };

  /* P(|T| > t) of Student's t; without degrees of freedom of the normal distribution. */
  const beyond = (t, freedom) => {
    if (t === Infinity) return 0;
    if (freedom !== null) return beta(freedom / (freedom + t * t), freedom / 2, 0.5);
    const x = t / Math.SQRT2; // erfc, by its series or its continued fraction
    if (x < 2.5) {
      let [term, sum] = [x, x];
      for (let n = 1; n < 120; n += 1) {
        term *= (-x * x) / n;
        sum += term / (2 * n + 1);
      }
      return 1 - (2 / Math.sqrt(Math.PI)) * sum;
    }
    let fraction = 0;
    for (let k = 80; k > 0; k -= 1) fraction = k / 2 / (x + fraction);
    return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
  };

  const same = ([gain, error, freedom]) => (Math.abs(gain) > ROUNDING ? (error ? beyond(Math.abs(gain) / error, freedom) : 0) : 1);
  const apart = ([gain, error, freedom], margin) =>
    Math.abs(gain) < margin ? (error ? beyond((margin - Math.abs(gain)) / error, freedom) : 0) : 1;

  const holm = (p) => {
    const adjusted = [];
    let highest = 0;
    const order = p.map((_, k) => k).sort((a, b) => p[a] - p[b]);
    order.forEach((k, place) => {
      highest = Math.max(highest, Math.min(1, (p.length - place) * p[k]));
      adjusted[k] = highest;
    });
    return adjusted;
  };

  /* Contrasts are [gain, error, degrees of freedom or null]. */
  const decide = (contrasts, margin, level = 0.95) => {
    const alpha = 1 - level;
    const [one, two] = [holm(contrasts.map(same)), holm(contrasts.map((c) => apart(c, margin)))];
    return contrasts.map(([gain], k) => (one[k] <= alpha ? (gain > 0 ? "better" : "worse") : two[k] <= alpha ? "equal" : "undecided"));
  };
  const counted = (contrasts, margin) => {
    const outcomes = decide(contrasts, margin);
    return Object.fromEntries(WORDS.map((word) => [word, outcomes.filter((o) => o === word).length]));
  };

  const open = (panel, { line, contrasts }) => {
    const found = lfmp.said();
    const shown = (v) => `± ${(10 ** v).toPrecision(2)}`;
    const slider = lfmp.slider("line, in test AUC", { min: -4, max: -1.5, step: 0.01, value: Math.log10(line), shown, name: "line" }, () => show());
    const before = counted(contrasts, line);
    const show = () => {
      // the slider's steps miss the papers' line by a rounding: there it is meant
      const chosen = 10 ** slider.value();
      const margin = Math.abs(chosen / line - 1) < 0.012 ? line : chosen;
      const now = counted(contrasts, margin);
      const words = WORDS.flatMap((word, k) => {
        const [was, is] = [before[word], now[word]];
        return [k ? ", " : "", lfmp.figure(word, is, String(is)), ` ${word}${is === was ? "" : ` (${is > was ? "+" : "−"}${Math.abs(is - was)})`}`];
      });
      found.say(`At ± ${margin === line ? line : margin.toPrecision(2)}: `, ...words, ` of ${contrasts.length} comparisons.`);
    };
    panel.append(lfmp.make("div", { class: "lfmp-controls" }, slider.node), found.node);
    return show;
  };

  lfmp.margin = { open, formulas: { decide, counted, beyond } };
})();
