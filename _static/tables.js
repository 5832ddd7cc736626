/* Tables that can be sorted, filtered, shown part by part, cut to some columns, seen full screen and copied,
   and whose means lead to their records.
   Without this script they are whole, with their caption and a link to their CSV (book/_ext/tables.py). */
(() => {
  "use strict";

  const LONG = 12; // rows: more can be filtered
  const WIDE = 5; // columns: of more, some can be chosen
  const PARTED = 40; // rows: of as many, one part at a time is shown where rules part them
  const FEW = 2; // rows of a part that stands above every other
  const EMPTY = new Set(["", "–"]);
  const FIGURE = /^(?:[≥≤<>~] ?)?([+\-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?)([KMB%])?/;
  const UNITS = { K: 1e3, M: 1e6, B: 1e9 };

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name in element && typeof value !== "string") element[name] = value;
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };

  /* A cell's text on one line; where it breaks lines stands a semicolon. */
  const text = (cell) => {
    let all = "";
    const walk = (node) => {
      if (node.nodeName === "BR") all += "; ";
      else if (node.nodeType === Node.TEXT_NODE) all += node.data;
      else node.childNodes.forEach(walk);
    };
    walk(cell);
    return all.trim().replace(/\s+/g, " ");
  };

  const plain = (number) => number.replaceAll(",", "").replace("−", "-");

  /* What a cell sorts by: its leading figure, else its words; nothing comes last either way. */
  const key = (words) => {
    if (EMPTY.has(words)) return null;
    const found = FIGURE.exec(words);
    return found ? Number(plain(found[1])) * (UNITS[found[2]] ?? 1) : words;
  };

  const compare = (a, b) => {
    const kinds = [a.key, b.key].map((k) => (typeof k === "number" ? 0 : 1));
    if (kinds[0] !== kinds[1]) return kinds[0] - kinds[1];
    if (kinds[0] === 0 && a.key !== b.key) return a.key - b.key;
    return a.words.localeCompare(b.words, "en", { numeric: true });
  };

  /* CSV, by the rule of book/_ext/tables.py: what is measured is taken apart, other text stays as it is. */
  const NUMBER = "[+\\-−]?(?:\\d{1,3}(?:,\\d{3})+|\\d+)(?:\\.\\d+)?(?:e[+-]?\\d+)?";
  const MEASURED = new RegExp(
    `^(${NUMBER})(?: ± (${NUMBER}))?(?: \\[(${NUMBER}), (${NUMBER})\\])?(?: ([^\\d\\[\\]±]+))?$`,
  );
  const ENDINGS = ["", " ±", " low", " high", " remark"];

  const apart = (head, cells) => {
    const full = cells.map((c) => (EMPTY.has(c) ? "" : c));
    const found = full.map((c) => MEASURED.exec(c));
    if (!full.some(Boolean) || full.some((c, n) => c && !found[n])) return [[head, ...full]];
    return ENDINGS.map((ending, part) => [
      head + ending,
      ...found.map((m) => {
        const words = m?.[part + 1] ?? "";
        return part < 4 ? plain(words) : words;
      }),
    ]).filter((column, part) => part === 0 || column.slice(1).some(Boolean));
  };

  const quoted = (cell) => (/[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

  const write = async (words) => {
    try {
      await navigator.clipboard.writeText(words);
      return true;
    } catch {
      const area = make("textarea", { style: "position:fixed;opacity:0" });
      document.body.append(area);
      area.value = words;
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };

  /* Rows between rules as parts, each with its own value in one column: [[words, rows], …], and the rows of
     small parts, which are what the others are held against. Null where there is no such column. */
  const parted = (rows, heads) => {
    const all = [];
    for (const row of rows) {
      if (!all.length || row.classList.contains("group-start")) all.push([]);
      all.at(-1).push(row);
    }
    const parts = all.filter((own) => own.length > FEW);
    if (rows.length < PARTED || parts.length < 2 || parts.length > 8) return null;
    const column = heads.findIndex((_, n) => {
      const values = parts.map((own) => new Set(own.map((row) => text(row.cells[n]))));
      return values.every((v) => v.size === 1) && new Set(values.map((v) => [...v][0])).size === parts.length;
    });
    if (column < 0) return null;
    const named = parts.map((own) => {
      const words = text(own[0].cells[column]);
      return [/\p{L}/u.test(words) ? words : `${text(heads[column])} ${words}`.trim(), new Set(own)]; // t 50%
    });
    return { named, always: new Set(all.filter((own) => own.length <= FEW).flat()) };
  };

  /* The records of a page, asked for once, when a cell of one of its tables is touched. */
  let told = null;
  const records = (address) =>
    (told ??= new Promise((done, failed) => {
      globalThis.lfmpRuns = done;
      const script = make("script", { src: address });
      script.addEventListener("error", failed);
      document.head.append(script);
    }));

  /* A mean's records: on hover or tap, or with the arrow keys after the button below the table. */
  const certify = (box, frame, body, names, link) => {
    const cells = () => [...body.querySelectorAll("td[data-runs]")].filter((cell) => cell.offsetParent);
    if (!link || !body.querySelector("td[data-runs]")) return null;
    const card = make("div", { class: "lfmp-runs", role: "group", "aria-label": "Records of this cell", hidden: true });
    box.append(card);
    let [at, pinned, timer] = [null, false, 0];
    const hide = () => {
      card.hidden = true;
      at?.classList.remove("lfmp-asked");
      [at, pinned] = [null, false];
    };
    const fill = (cell, runs) => {
      const own = cell.dataset.runs.split(" ").map((n) => runs[n]);
      const row = [...cell.parentElement.cells];
      const list = make("ul");
      for (const one of own) {
        const values = Object.entries(one.values).map(([name, v]) => `${name.replace("test_", "").replace("logloss", "log-loss").replace("auc", "AUC")} ${v}`);
        list.append(make("li", {}, make("code", {}, one.id), ` seed ${one.seed}: ${values.join(", ")}; ${one.on}, commit ${one.commit}`));
      }
      const command = own[0].command.replace(/ --id .*/, "");
      const set = make("a", { href: new URL(`../../records/${own[0].set}.csv`, link.href).href, download: `${own[0].set}.csv` }, `all records of ${own[0].set}`);
      const shut = make("button", { type: "button", "aria-label": "Close" }, "×");
      shut.addEventListener("click", () => {
        const cell_ = at;
        hide();
        cell_?.focus();
      });
      card.replaceChildren(
        make("p", {}, make("strong", {}, `${names[row.indexOf(cell)]}: ${text(cell)}`), `, ${own.length} run${own.length > 1 ? "s" : ""}`, shut),
        list,
        make("p", {}, make("code", {}, command), " · ", set),
      );
    };
    const show = async (cell) => {
      at?.classList.remove("lfmp-asked");
      at = cell;
      cell.classList.add("lfmp-asked");
      let runs;
      try {
        runs = await records(new URL("runs.js", link.href).href);
      } catch {
        return;
      }
      if (at !== cell) return;
      fill(cell, runs);
      card.hidden = false;
      place();
    };
    const place = () => {
      const [a, b] = [at.getBoundingClientRect(), box.getBoundingClientRect()];
      card.style.top = `${a.bottom - b.top + 4}px`;
      card.style.left = `${Math.max(0, Math.min(b.width - card.offsetWidth, a.left - b.left))}px`;
    };
    const later = (does, wait) => {
      clearTimeout(timer);
      timer = setTimeout(does, wait);
    };
    const over = (event) => event.target.closest?.("td[data-runs]");
    body.addEventListener("mouseover", (event) => {
      const cell = over(event);
      if (pinned) return;
      if (cell && cell !== at) later(() => show(cell), 350);
      else if (!cell) later(hide, 300);
    });
    body.addEventListener("mouseleave", () => pinned || later(hide, 300));
    card.addEventListener("mouseenter", () => clearTimeout(timer));
    card.addEventListener("mouseleave", () => pinned || later(hide, 300));
    body.addEventListener("click", (event) => {
      const cell = over(event);
      clearTimeout(timer);
      if (!cell || (pinned && cell === at)) return hide();
      show(cell);
      pinned = true;
    });
    const go = (cell) => {
      for (const other of cells()) other.removeAttribute("tabindex");
      cell.tabIndex = 0;
      cell.focus();
      show(cell);
      pinned = true;
    };
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && at) return hide();
      const cell = over(event);
      const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 0, ArrowUp: 0 }[event.key];
      if (!cell || by === undefined) return;
      event.preventDefault();
      const there = cells();
      let next = there[there.indexOf(cell) + by];
      if (!by) {
        const same = there.filter((other) => other.cellIndex === cell.cellIndex);
        next = same[same.indexOf(cell) + (event.key === "ArrowDown" ? 1 : -1)];
      }
      if (next) go(next);
    });
    // a cell that was asked for comes into view by scrolling, so its records go along
    frame.addEventListener("scroll", () => (pinned && at ? place() : hide()));
    const button = make("button", { type: "button", class: "lfmp-records" }, "Records");
    button.addEventListener("click", () => {
      const first = cells()[0];
      if (first) go(first);
    });
    return button;
  };

  const enhance = (box) => {
    const table = box.querySelector("table.lfmp");
    const frame = table?.parentElement;
    const lines = table?.tHead ? [...table.tHead.rows] : [];
    const heads = lines.length ? [...lines.at(-1).cells] : [];
    const body = table?.tBodies[0];
    const rows = body ? [...body.rows] : [];
    if (!rows.length || heads.some((h) => h.colSpan > 1) || rows.some((r) => r.cells.length !== heads.length)) return;
    const caption = table.caption ? text(table.caption) : "this table";

    /* Names before heads get their buttons. */
    const groups = heads.map(() => "");
    const upper = lines.slice(0, -1).flatMap((line) => {
      let column = 0;
      return [...line.cells].map((cell) => {
        const from = column;
        column += cell.colSpan;
        for (let n = from; n < column; n += 1) groups[n] = `${groups[n]} ${text(cell)}`.trim();
        return { cell, from, to: column };
      });
    });
    const names = heads.map((head, n) => `${groups[n]} ${text(head)}`.trim());

    /* What a cell folds away opens below its row, over all columns ---------------------------------------- */
    const folds = [...body.querySelectorAll("details.lfmp-fold")];
    const more = new Map();
    for (const fold of folds) {
      const inside = fold.lastElementChild;
      fold.addEventListener("toggle", () => {
        if (fold.open && !more.has(fold)) {
          const line = make("tr", { class: "lfmp-more" }, make("td", { colSpan: heads.length }, inside));
          fold.closest("tr").after(line);
          more.set(fold, line);
        } else if (!fold.open && more.has(fold)) {
          fold.append(inside);
          more.get(fold).remove();
          more.delete(fold);
        }
      });
    }
    const shut = () => {
      for (const [fold, line] of more) {
        fold.append(line.firstElementChild.firstElementChild);
        line.remove();
        fold.open = false;
      }
      more.clear();
    };

    /* Sorting ------------------------------------------------------------------------------------------ */
    let sorted = { column: -1, direction: 0 };
    const sort = (column) => {
      const direction = sorted.column !== column ? 1 : sorted.direction === 1 ? -1 : 0;
      sorted = { column, direction };
      shut();
      heads.forEach((head, n) => {
        if (n === column && direction) head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
        else head.removeAttribute("aria-sort");
      });
      table.classList.toggle("lfmp-sorted", direction !== 0);
      if (!direction) return body.append(...rows);
      const keyed = rows.map((row) => {
        const words = text(row.cells[column]);
        return { row, words, key: key(words) };
      });
      const [there, not] = [keyed.filter((k) => k.key !== null), keyed.filter((k) => k.key === null)];
      there.sort((a, b) => direction * compare(a, b));
      return body.append(...there.concat(not).map((k) => k.row));
    };
    if (rows.length > 2) {
      heads.forEach((head, column) => {
        if (head.nodeName !== "TH") return;
        const button = make("button", { type: "button", class: "lfmp-sort", title: "Sort" }, ...head.childNodes);
        button.addEventListener("click", () => sort(column));
        head.append(button);
      });
    }

    /* What stands above the table ------------------------------------------------------------------------ */
    const tools = make("div", { class: "lfmp-tools" });

    if (rows.length > LONG) {
      /* Columns that the table offers to choose rows by. */
      const facets = heads.flatMap((head, n) => (head.classList.contains("facet") ? [n] : []));
      const chosen = new Map();
      const all = rows.map((row) => [...row.cells].map(text).join(" ").toLowerCase());
      const field = make("input", {
        type: "search",
        class: "lfmp-filter",
        placeholder: `Filter ${rows.length} rows`,
        "aria-label": `Filter rows of ${caption}`,
        autocomplete: "off",
      });
      const said = make("span", { class: "lfmp-said", role: "status" });
      const parts = parted(rows, heads);
      let part = parts?.named[0][1] ?? null;
      const sift = () => {
        shut();
        const asked = field.value.toLowerCase().split(/\s+/).filter(Boolean);
        let left = 0;
        rows.forEach((row, n) => {
          const fits = [...chosen].every(([m, value]) => text(row.cells[m]) === value);
          // what is asked for is sought in all parts
          const apart_ = part && !asked.length && !chosen.size && !part.has(row) && !parts.always.has(row);
          row.hidden = apart_ || !fits || !asked.every((word) => all[n].includes(word));
          row.classList.toggle("lfmp-apart", Boolean(apart_));
          left += row.hidden ? 0 : 1;
        });
        said.textContent = asked.length || chosen.size ? `${left} of ${rows.length}` : "";
      };
      field.addEventListener("input", sift);
      tools.append(field);
      for (const n of facets) {
        const name = text(heads[n]);
        const menu = make("select", { class: "lfmp-facet", "aria-label": `${name}, rows of ${caption}` });
        menu.append(make("option", { value: "" }, `${name}: all`));
        for (const value of new Set(rows.map((row) => text(row.cells[n])))) {
          menu.append(make("option", { value }, `${name}: ${value}`));
        }
        menu.addEventListener("change", () => {
          if (menu.value) chosen.set(n, menu.value);
          else chosen.delete(n);
          sift();
        });
        tools.append(menu);
      }
      tools.append(said);
      if (parts) {
        const tabs = make("div", { class: "lfmp-tabs", role: "group", "aria-label": `Rows shown of ${caption}` });
        for (const [words, own] of [...parts.named, ["all", null]]) {
          const tab = make("button", { type: "button", "aria-pressed": String(own === part) }, words);
          tab.addEventListener("click", () => {
            part = own;
            for (const other of tabs.children) other.setAttribute("aria-pressed", String(other === tab));
            sift();
          });
          tabs.append(tab);
        }
        tools.prepend(tabs);
        sift();
      }
    }

    if (heads.length > WIDE) {
      const boxes = new Map();
      const show = () => {
        const shown = heads.map((_, n) => boxes.get(n)?.checked ?? true);
        for (const row of [lines.at(-1), ...rows]) shown.forEach((on, n) => (row.cells[n].hidden = !on));
        for (const { cell, from, to } of upper) {
          const span = shown.slice(from, to).filter(Boolean).length;
          cell.hidden = !span;
          cell.colSpan = span || 1;
        }
      };
      const name = Number(/lfmp-name-(\d+)/.exec(table.className)?.[1] ?? 1) - 1;
      const list = make("fieldset", {}, make("legend", {}, "Columns shown"));
      let group = "";
      heads.forEach((head, n) => {
        if (n === name) return;
        if (groups[n] !== group) {
          group = groups[n];
          const mine = () => [...boxes].filter(([m]) => groups[m] === groups[n]).map(([, b]) => b);
          const whole = make("input", { type: "checkbox", checked: true });
          whole.addEventListener("change", () => {
            for (const one of mine()) one.checked = whole.checked;
            show();
          });
          if (group) list.append(make("label", { class: "lfmp-group" }, whole, ` ${group}`));
        }
        const one = make("input", { type: "checkbox", checked: true });
        boxes.set(n, one);
        one.addEventListener("change", show);
        list.append(make("label", groups[n] ? { class: "lfmp-member" } : {}, one, ` ${text(head)}`));
      });
      const menu = make("details", { class: "lfmp-columns" }, make("summary", {}, "Columns"), list);
      menu.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || !menu.open) return;
        menu.open = false;
        menu.firstElementChild.focus();
      });
      document.addEventListener("click", (event) => {
        if (!menu.contains(event.target)) menu.open = false;
      });
      tools.append(menu);
    }

    if (document.fullscreenEnabled && (heads.length > 7 || frame.scrollWidth > frame.clientWidth + 1)) {
      const button = make("button", { type: "button", class: "lfmp-whole" }, "Full screen");
      button.addEventListener("click", () =>
        document.fullscreenElement ? document.exitFullscreen() : box.requestFullscreen(),
      );
      document.addEventListener("fullscreenchange", () => {
        button.textContent = document.fullscreenElement === box ? "Back to the page" : "Full screen";
      });
      tools.append(button);
    }

    if (tools.childElementCount) box.prepend(tools);

    /* Copying: the rows and columns that are shown, in the order shown ------------------------------------- */
    const csv = () => {
      const shown = heads.map((head, n) => n).filter((n) => !heads[n].hidden);
      shut();
      const left = [...body.rows].filter((row) => !row.hidden);
      const columns = shown.flatMap((n) => apart(names[n], left.map((row) => text(row.cells[n]))));
      return Array.from({ length: left.length + 1 }, (_, n) => columns.map((c) => quoted(c[n])).join(",") + "\n").join("");
    };
    const take = box.querySelector(".lfmp-take") ?? box.appendChild(make("p", { class: "lfmp-take" }));
    const copy = make("button", { type: "button", class: "lfmp-copy", "aria-label": `Copy ${caption}` }, "Copy");
    const said = make("span", { class: "lfmp-said", role: "status" });
    copy.addEventListener("click", async () => {
      const done = await write(csv());
      said.textContent = done ? "Copied as CSV" : "The browser does not let pages copy: take the CSV";
      setTimeout(() => (said.textContent = ""), 3000);
    });
    take.append(copy, said);
    const asking = certify(box, frame, body, names, take.querySelector("a.lfmp-csv"));
    if (asking) copy.after(asking);
  };

  const start = () => document.querySelectorAll(".lfmp-table:has(table)").forEach(enhance);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
