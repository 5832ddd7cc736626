/* What a table larger than any that was trained takes, after lfmp_book/speed/large_tables.py. Needs
   knob-bytes.js, for the bytes of each form. */
(() => {
  "use strict";
  const lfmp = (globalThis.lfmp ??= {});
  const FORMS = {
    full: "full table", smaller: "fewer dimensions", hashing: "hashing", qr: "QR", tt_rec: "TT-Rec", memcom: "MEmCom",
    sparse: "pruned (MagPrune, PEP)",
  };

  const served = (form, ids, dim, sparsity, bits) => lfmp.bytes.formulas.size(form, [ids], dim, sparsity, bits).bytes;
  const training = (ids, dim) => ids * (16 * (dim + 1) + 2 * 12 + 8);
  const shards = (bytes, memory) => Math.max(1, Math.ceil(bytes / memory));
  const exchanged = (fields, dim, batch) => batch * fields * (2 * 8 + 8 * (dim + 1));
  const rate = ({ fixed, number }, ids, dim, processes, batch) => (processes * batch) / (fixed * batch + number * ids * (dim + 1));

  const open = (panel, { ids, dim, sparsity, memory, batch, fields, time }) => {
    const found = lfmp.said();
    const place = lfmp.make("div");
    const parts = {
      ids: lfmp.number("ids", { min: 1000, max: 1e12, step: 1, value: ids, name: "ids" }, () => show()),
      dim: lfmp.number("dimension D", { min: 1, max: 512, step: 1, value: dim, name: "dim" }, () => show()),
      sparsity: lfmp.slider("sparsity", { min: 0.05, max: 0.99, step: 0.01, value: sparsity, shown: (v) => `${(100 * v).toFixed(0)} %`, name: "sparsity" }, () => show()),
      bits: lfmp.menu("bits of a number, served", [[32, "32"], [8, "8"], [4, "4"], [2, "2"]], { value: 32, name: "bits" }, () => show()),
      memory: lfmp.number("memory of a process, GB", { min: 1, max: 4096, step: 1, value: memory, name: "memory" }, () => show()),
      batch: lfmp.number("rows a batch", { min: 1, max: 1e8, step: 1, value: batch, name: "batch" }, () => show()),
    };
    const gb = (v) => (v / 1e9).toLocaleString("en", { maximumFractionDigits: v < 1e10 ? 2 : 1 });
    const show = () => {
      const [n, d, t, bits, own, rows] = ["ids", "dim", "sparsity", "bits", "memory", "batch"].map((name) => Number(parts[name].value()));
      const whole = [n, d, rows].every((v) => Number.isInteger(v) && v >= 1) && n >= 1000 && n <= 1e12 && d <= 512 && own >= 1 && rows <= 1e8;
      if (!whole) {
        found.say("Give whole numbers of ids (1,000 to 10¹²), dimensions and rows, and a gigabyte of memory at least.");
        place.replaceChildren();
        return;
      }
      const held = training(n, d);
      const processes = shards(held, own * 1e9);
      found.say(
        "To train the full table: ", lfmp.figure("training", held, `${gb(held)} GB`), ", in ",
        lfmp.figure("processes", processes, `${lfmp.grouped(processes)} ${processes === 1 ? "process" : "processes"}`),
        "; a step of ", `${fields} fields exchanges at most `, lfmp.figure("exchanged", exchanged(fields, d, rows), `${gb(exchanged(fields, d, rows))} GB`),
        ...(time ? ["; ", lfmp.figure("rate", rate(time, n, d, processes, rows), `${lfmp.grouped(rate(time, n, d, processes, rows))} rows a second`), " were that for nothing"] : []),
        ".",
      );
      const lines = Object.keys(FORMS).map((form) => {
        const size = served(form, n, d, t, bits);
        const bytes = lfmp.make("span", { "data-name": form, "data-value": size });
        bytes.textContent = gb(size);
        return [FORMS[form], bytes, lfmp.grouped(shards(size, own * 1e9))];
      });
      place.replaceChildren(lfmp.table("To serve, by form", ["form", "GB", "shards"], lines));
    };
    panel.append(lfmp.make("div", { class: "lfmp-controls" }, ...Object.values(parts).map((p) => p.node)), found.node, place);
    return show;
  };

  lfmp.large = { open, formulas: { served, training, shards, exchanged, rate } };
})();
