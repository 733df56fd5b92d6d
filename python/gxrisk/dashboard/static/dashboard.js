// How the fleet's table writes and colours its cells. Everything that is shown is text; nothing here makes HTML of it.
"use strict";
const gx = (() => {
  const nothing = "–";
  const cents = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const minus = (text) => text.replace("-", "−");
  const has = (value) => value !== null && value !== undefined;
  const percent = (value) => `${minus((value * 100).toFixed(1))} %`;
  const marks = { active: "●", reduce_only: "◐", exits_only: "◐", halted: "■", killed: "✕", failed: "✕", retired: "○" };
  let api = null;
  let only = "all";

  // Quasar styles whatever follows something in its fields, fields of which this page has none. Because of "whatever",
  // a browser works out the style of every row anew when one is added: most of the time of a frame while scrolled.
  const afterAnything = /\.q-.*\+ (\*|div)$/;
  const unburden = (sheet) => {
    for (let at = sheet.cssRules.length - 1; at >= 0; at--) {
      const rule = sheet.cssRules[at];
      if (afterAnything.test(rule.selectorText)) sheet.deleteRule(at);
      else if (rule.styleSheet) unburden(rule.styleSheet);
      else if (rule.cssRules) unburden(rule);
    }
  };

  return {
    money: ({ value }) => (has(value) ? minus(cents.format(value)) : nothing),
    gain: ({ value }) => (has(value) ? (value > 0 ? "+" : "") + minus(cents.format(value)) : nothing),
    fraction: ({ value }) => (has(value) ? value.toFixed(2) : nothing),
    drawdown: ({ data }) => (has(data.drawdown) ? `${percent(data.drawdown)} / ${percent(data.drawdown_limit)}` : nothing),
    trades: ({ data }) => (has(data.trades) ? `${data.trades} / ${data.trades_limit ?? nothing}` : nothing),
    state: ({ value }) => `${marks[value] ?? "•"} ${value.replace("_", " ")}`,
    pill: ({ value, valueFormatted }) => {
      const pill = document.createElement("span");
      pill.textContent = valueFormatted;
      pill.className = `gx-state gx-pill gx-state-${value}`;
      return pill;
    },
    rows: {
      "gx-row-bad": ({ data }) => data.trouble >= 50,
      "gx-row-warn": ({ data }) => data.trouble > 0 && data.trouble < 50,
    },
    qualityClass: ({ value }) => (value && value !== "good" ? "gx-warn" : "gx-quiet"),
    bar: ({ value }) => {
      const used = Math.min(Math.max(value ?? 0, 0), 1) * 100;
      const colour = used >= 100 ? "--gx-bar-over" : used >= 80 ? "--gx-bar-near" : "--gx-bar";
      const edge = `linear-gradient(to right, var(${colour}) ${used}%, var(--gx-track) ${used}%)`;
      return { background: `${edge} 10px calc(100% - 4px) / calc(100% - 20px) 3px no-repeat` };
    },
    vault: ({ value }) => {
      const link = document.createElement("a");
      link.textContent = value;
      link.href = `/vaults/${encodeURIComponent(value)}`;
      link.tabIndex = -1; // the cell has the keyboard: Enter opens it
      return link;
    },
    open: ({ event, data }) => {
      if (event.key === "Enter" && data) window.location.href = `/vaults/${encodeURIComponent(data.vault_id)}`;
    },
    ready: (grid, name) => {
      api = grid.api;
      [...document.styleSheets].forEach(unburden);
      document.querySelector(".gx-grid [role=grid], .gx-grid [role=treegrid]")?.setAttribute("aria-label", name);
    },
    find: (text) => api?.setGridOption("quickFilterText", text),
    only: (value) => {
      only = value;
      api?.onFilterChanged();
    },
    isFiltered: () => only !== "all",
    passes: ({ data }) => (only === "trouble" ? data.trouble > 0 : data.state === only),
  };
})();
