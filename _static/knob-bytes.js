/* Bytes of an embedding table by its form, after the `count`, `fit` and `num_bytes` of lfmp_core.embeddings.
   Numbers of ids are whole and far below 2⁵³, so that each count is exact. */
(() => {
  "use strict";
  const lfmp = (globalThis.lfmp ??= {});
  const FLOAT = 4; // bytes of a number
  const LANES = 16; // columns of a mask's word, see lanes.py
  const up = Math.ceil;

  /* Python's round: of two equally near whole numbers the even one. */
  const round = (x) => {
    const low = Math.floor(x);
    const gap = x - low;
    return gap === 0.5 ? low + (low % 2) : gap < 0.5 ? low : low + 1;
  };
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const least = (options, gap) => options.reduce((best, one) => (gap(one) < gap(best) ? one : best));

  /* embeddings/budget.py */
  const target = (sizes, dim, sparsity) => (1 - sparsity) * sum(sizes) * dim;
  const largestWithin = (count, aim) => {
    let [low, high] = [1, 2];
    while (count(high) <= aim) [low, high] = [high, 2 * high];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (count(middle) <= aim) low = middle;
      else high = middle;
    }
    return low;
  };

  /* embeddings/tt_shape.py */
  const factorisations = (number, parts, smallest = 1) => {
    if (parts === 1) return [[number]];
    const found = [];
    for (let factor = smallest; factor ** parts <= number; factor += 1) {
      if (number % factor === 0) for (const rest of factorisations(number / factor, parts - 1, factor)) found.push([factor, ...rest]);
    }
    return found;
  };
  const balance = (factors) => {
    const total = sum(factors);
    return -sum(factors.map((f) => (f / total) * Math.log(f / total)));
  };
  const balanced = (options) => least(options, (factors) => -balance(factors));
  const splitDim = (dim, parts) => balanced(factorisations(dim, parts));
  const splitRows = (n, parts) => {
    const rounded = new Set(Array.from(String(n), (_, k) => up(n / 10 ** k) * 10 ** k));
    return balanced([...rounded].sort((a, b) => a - b).map((number) => splitDim(number, parts)));
  };
  const cores = (rows, dims, ranks) => {
    const around = [1, ...ranks, 1];
    return rows.map((n, k) => [n, around[k], dims[k], around[k + 1]]);
  };
  const train = (rows, dims, ranks) => sum(cores(rows, dims, ranks).map((shape) => shape.reduce((a, b) => a * b)));
  const ranksFor = (rows, dims, aim, start) => {
    const near = [];
    for (let r = Math.max(1, start - 6); r < start + 7; r += 1) near.push(r);
    const choices = near.flatMap((a) => near.map((b) => [a, b])).sort((p, q) => Math.abs(p[0] - p[1]) - Math.abs(q[0] - q[1]));
    const gap = (ranks) => Math.abs(train(rows, dims, ranks) / aim - 1);
    return choices.find((ranks) => gap(ranks) < 0.005) ?? least(choices, gap);
  };

  /* What each form stores: factors (numbers of a weight of rows, which bits can round, and its runs), other
     numbers, and bytes of side tables. */
  const forms = {
    full: (sizes, dim) => ({ runs: sizes.map((n) => n * dim), shape: "rows" }),
    smaller: (sizes, dim, t) => {
      const own = Math.max(1, round((1 - t) * dim));
      return { runs: sizes.map((n) => n * own), shape: `${own} dimensions`, aim: null };
    },
    hashing: (sizes, dim, t) => {
      const buckets = Math.max(1, round(target(sizes, dim, t) / dim));
      return { weights: [buckets * dim], shape: `${buckets} rows` };
    },
    qr: (sizes, dim, t) => {
      const n = sum(sizes);
      const aim = target(sizes, dim, t);
      const rows = aim / dim;
      const root = Math.sqrt(Math.max(0, rows ** 2 - 4 * n));
      const few = root ? (2 * n) / (rows + root) : Math.sqrt(n);
      const near = [Math.floor(few), up(few)];
      for (let p = Math.floor(n / few) - 2; p < up(n / few) + 3; p += 1) near.push(p);
      const fits = near.map((p) => Math.min(n, Math.max(1, p)));
      const gaps = fits.map((p) => Math.abs(((p + up(n / p)) * dim) / aim - 1));
      const close = [0, 1].filter((k) => gaps[k] <= 0.01);
      const p = fits[least(close.length ? close : fits.map((_, k) => k), (k) => gaps[k])];
      return { weights: [p * dim, up(n / p) * dim], shape: `${p} remainders, ${up(n / p)} quotients` };
    },
    tt_rec: (sizes, dim, t) => {
      const [rows, dims] = [splitRows(sum(sizes), 3), splitDim(dim, 3)];
      const spare = Math.max(1, target(sizes, dim, t));
      const equal = largestWithin((r) => train(rows, dims, [r, r]), spare);
      const ranks = ranksFor(rows, dims, spare, equal);
      const weights = cores(rows, dims, ranks).map((shape) => shape.reduce((a, b) => a * b));
      return { weights, shape: `ranks ${ranks.join(", ")}` };
    },
    dhe: (sizes, dim, t, hashes) => {
      const aim = target(sizes, dim, t);
      const widths = (width, last) => [hashes, width, width, last, dim];
      const numbers = (all) => sum(all.slice(1).map((out, k) => (all[k] + 1) * out)) + 2 * sum(all.slice(1, -1));
      const count = (width, last) => numbers(widths(width, last));
      const width = largestWithin((w) => count(w, w), aim);
      const near = [width, width + 1].flatMap((w) => {
        const last = largestWithin((one) => count(w, one), aim);
        return [[w, last], [w, last + 1]];
      });
      const [wide, last] = least(near, ([w, one]) => Math.abs(count(w, one) - aim));
      const all = widths(wide, last);
      const weights = all.slice(1).map((out, k) => all[k] * out);
      // biases, factors and shifts; running means and variances with a count each (8 bytes); 3 constants a hash
      const lists = sum(all.slice(1)) + 2 * sum(all.slice(1, -1));
      return { weights, lists, side: FLOAT * 2 * sum(all.slice(1, -1)) + 8 * 3 + 4 * 3 * hashes, shape: `layers ${all.join("–")}` };
    },
    memcom: (sizes, dim, t) => {
      const n = sum(sizes);
      const buckets = Math.max(1, 1 + round((target(sizes, dim, t) - (dim + n)) / dim));
      return { weights: [buckets * dim, n], rows: [buckets, n], shape: `${buckets} shared rows` };
    },
    sparse: (sizes, dim, t) => {
      const n = sum(sizes);
      const kept = round(target(sizes, dim, t));
      // what stays may stand anywhere: by field, it is shared in proportion to the ids
      const runs = sizes.map((size) => Math.floor((kept * size) / n));
      for (let k = 0; sum(runs) < kept; k += 1) runs[k] += 1;
      return { runs, side: 4 * (n + 1) + 2 * n * up(dim / LANES), shape: "numbers anywhere, with their index" };
    },
  };
  const NAMES = {
    full: "full table", smaller: "fewer dimensions", hashing: "hashing", qr: "QR", tt_rec: "TT-Rec", dhe: "DHE",
    memcom: "MEmCom", sparse: "pruned (MagPrune, PEP)",
  };

  /* Numbers and bytes of a form; with bits a step and an offset of 4 bytes each for every field or factor. */
  const size = (form, sizes, dim, sparsity, bits = 32, hashes = 1024) => {
    const made = forms[form](sizes, dim, sparsity, hashes);
    const runs = made.runs ?? made.weights;
    const numbers = sum(runs) + (made.lists ?? 0);
    const stored = bits === 32 ? FLOAT * sum(runs) : sum(runs.map((k) => up((k * bits) / 8) + 8));
    const aim = form === "full" ? sum(sizes) * dim : target(sizes, dim, sparsity);
    return {
      numbers,
      bytes: stored + FLOAT * (made.lists ?? 0) + (made.side ?? 0),
      met: Math.abs(numbers - aim) <= 0.01 * aim,
      shape: made.shape,
    };
  };

  const read = (words) => (words.match(/\d[\d_,']*/g) ?? []).map((w) => Number(w.replace(/[_,']/g, ""))).filter((n) => n > 0);

  const open = (panel, { sizes, dim, sparsity, hashes }) => {
    const found = lfmp.said();
    const place = lfmp.make("div");
    const parts = {
      sizes: lfmp.text("ids of each field, parted by blanks or line breaks", { value: sizes.join(" "), name: "sizes" }, () => show()),
      dim: lfmp.number("dimension D", { min: 1, max: 512, step: 1, value: dim, name: "dim" }, () => show()),
      sparsity: lfmp.slider("sparsity", { min: 0.05, max: 0.99, step: 0.01, value: sparsity, shown: (v) => `${(100 * v).toFixed(0)} %`, name: "sparsity" }, () => show()),
      bits: lfmp.menu("bits of a number", [[32, "32"], [8, "8"], [4, "4"], [2, "2"]], { value: 32, name: "bits" }, () => show()),
      hashes: lfmp.number("hashes of DHE", { min: 1, max: 8192, step: 1, value: hashes, name: "hashes" }, () => show()),
    };
    const show = () => {
      const own = read(parts.sizes.value());
      const [d, t, bits, k] = [parts.dim.value(), parts.sparsity.value(), Number(parts.bits.value()), parts.hashes.value()];
      const whole = own.length && [d, k].every((v) => Number.isInteger(v) && v >= 1 && v <= 8192) && sum(own) < 1e11;
      if (!whole) {
        found.say("Give a number of ids for each field, a whole dimension and whole hashes.");
        place.replaceChildren();
        return;
      }
      const full = size("full", own, d, 0);
      found.say(
        lfmp.figure("fields", own.length, `${own.length} fields`), ", ", lfmp.figure("ids", sum(own), `${lfmp.grouped(sum(own))} ids`),
        "; whole: ", lfmp.figure("full", full.bytes, `${lfmp.grouped(full.bytes)} bytes`), ".",
      );
      const rows = Object.keys(forms).map((form) => {
        const one = size(form, own, d, t, bits, k);
        const bytes = lfmp.make("span", { "data-name": form, "data-value": one.bytes });
        bytes.textContent = lfmp.grouped(one.bytes);
        return [NAMES[form], lfmp.grouped(one.numbers), bytes, (one.bytes / full.bytes).toFixed(3), one.met ? "yes" : "no", one.shape];
      });
      place.replaceChildren(lfmp.table("Bytes by form", ["form", "numbers", "bytes", "× whole", "meets the sparsity", "sizes"], rows));
    };
    panel.append(lfmp.make("div", { class: "lfmp-controls" }, ...Object.values(parts).map((p) => p.node)), found.node, place);
    return show;
  };

  lfmp.bytes = { open, formulas: { size } };
})();
