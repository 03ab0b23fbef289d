"use strict";
// Draws the two charts over one shared, zoomable span of time. Dots are drawn ok first, then
// info, then fail, so that nothing hides a failure.
(async () => {
  const data = JSON.parse(document.getElementById("charts").textContent);
  const dots = await unpack(data.dots, data.count);
  const full = [0, Math.max(data.end_s, 0.001)];
  let span = full;
  const OUTCOMES = [[1, "--ok"], [3, "--info"], [2, "--fail"]];
  const latency = chart("latency", drawLatency), throughput = chart("rates", drawRates);
  const redraw = () => [latency, throughput].forEach((one) => one.draw());
  addEventListener("resize", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.onclick = () => copy(button);
  }
  redraw();

  async function unpack(text, count) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const buffer = await new Response(stream).arrayBuffer();
    return {
      count,
      start: new Float32Array(buffer, 0, count),
      latency: new Float32Array(buffer, 4 * count, count),
      weight: new Uint16Array(buffer, 8 * count, count),
      outcome: new Uint8Array(buffer, 10 * count, count),
    };
  }

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  // A canvas with margins, a time axis, fault bands, and dragging to zoom both charts.
  function chart(id, paint) {
    const canvas = document.getElementById(id), height = +canvas.getAttribute("height");
    const box = { left: 58, top: 8, right: 18, bottom: 24 };
    let drag = null;
    const timeAt = (x) => span[0] + (x - box.left) / plotWidth() * (span[1] - span[0]);
    const plotWidth = () => canvas.clientWidth - box.left - box.right;
    canvas.onpointerdown = (e) => { drag = [e.offsetX, e.offsetX]; canvas.setPointerCapture(e.pointerId); };
    canvas.onpointermove = (e) => {
      readout(timeAt(e.offsetX));
      if (drag) { drag[1] = e.offsetX; self.draw(); }
    };
    canvas.onpointerup = () => {
      const [a, b] = drag.map(timeAt).sort((x, y) => x - y);
      drag = null;
      if (b - a > (span[1] - span[0]) / 100) span = [Math.max(a, full[0]), Math.min(b, full[1])];
      redraw();
    };
    canvas.ondblclick = () => { span = full; redraw(); };
    const self = {
      draw() {
        const ratio = devicePixelRatio || 1, width = canvas.clientWidth;
        canvas.width = width * ratio; canvas.height = height * ratio; canvas.style.height = height + "px";
        const g = canvas.getContext("2d");
        g.scale(ratio, ratio);
        const plot = { x: box.left, y: box.top, w: plotWidth(), h: height - box.top - box.bottom };
        plot.at = (s) => plot.x + (s - span[0]) / (span[1] - span[0]) * plot.w;
        bands(g, plot);
        timeAxis(g, plot);
        g.save(); g.beginPath(); g.rect(plot.x, 0, plot.w, plot.y + plot.h); g.clip();
        const after = paint(g, plot);
        if (drag) { g.fillStyle = colour("--quiet"); g.globalAlpha = 0.2; g.fillRect(drag[0], plot.y, drag[1] - drag[0], plot.h); }
        g.restore();
        after(g);
      },
    };
    return self;
  }

  function bands(g, plot) {
    for (const w of data.windows) {
      const a = Math.max(plot.at(w.start_s), plot.x), b = Math.min(plot.at(w.end_s), plot.x + plot.w);
      if (b <= plot.x || a >= plot.x + plot.w) continue;
      g.globalAlpha = 0.28; g.fillStyle = w.colour; g.fillRect(a, plot.y, Math.max(b - a, 1.5), plot.h);
      g.globalAlpha = 1; g.fillRect(a, plot.y, 1.5, plot.h);
    }
    g.globalAlpha = 1;
  }

  function timeAxis(g, plot) {
    const step = nice((span[1] - span[0]) / 8);
    g.font = "11px system-ui, sans-serif"; g.textAlign = "center"; g.textBaseline = "top";
    for (let s = Math.ceil(span[0] / step) * step; s <= span[1]; s += step) {
      g.fillStyle = colour("--line"); g.fillRect(plot.at(s), plot.y, 1, plot.h);
      g.fillStyle = colour("--quiet"); g.fillText(+s.toFixed(3) + " s", plot.at(s), plot.y + plot.h + 6);
    }
  }

  function nice(rough) {
    const power = 10 ** Math.floor(Math.log10(rough));
    return power * [1, 2, 5, 10].find((m) => m * power >= rough);
  }

  function drawLatency(g, plot) {
    let low = Infinity, high = 0;
    for (let i = 0; i < dots.count; i++) {
      low = Math.min(low, dots.latency[i]); high = Math.max(high, dots.latency[i]);
    }
    const bottom = Math.floor(Math.log10(Math.max(low, 0.01))), top = Math.ceil(Math.log10(Math.max(high, 1)) + 1e-6);
    const y = (ms) => plot.y + plot.h * (1 - (Math.log10(Math.max(ms, 0.01)) - bottom) / (top - bottom));
    for (const [code, name] of OUTCOMES) {
      g.fillStyle = colour(name);
      const size = code === 1 ? 2 : 3.5;
      for (let i = 0; i < dots.count; i++) {
        if (dots.outcome[i] !== code || dots.start[i] < span[0] || dots.start[i] > span[1]) continue;
        g.globalAlpha = code === 1 ? Math.min(0.35 + dots.weight[i] / 20, 1) : 0.9;
        g.fillRect(plot.at(dots.start[i]) - size / 2, y(dots.latency[i]) - size / 2, size, size);
      }
    }
    g.globalAlpha = 1;
    return (g) => {
      for (let d = bottom; d <= top; d++) {
        const ms = 10 ** d;
        valueAxis(g, plot, y(ms), ms >= 1000 ? ms / 1000 + " s" : +ms.toFixed(2) + " ms");
      }
    };
  }

  function drawRates(g, plot) {
    const { bucket_s, series } = data.rates;
    const high = Math.max(1, ...Object.values(series).flat());
    const step = nice(high / 4), top = Math.ceil(high / step) * step;
    const y = (n) => plot.y + plot.h * (1 - n / top);
    for (const name of ["ok", "info", "fail"]) {
      g.strokeStyle = colour("--" + name); g.lineWidth = 1.5; g.beginPath();
      series[name].forEach((n, i) => {
        g.lineTo(plot.at(i * bucket_s), y(n)); g.lineTo(plot.at((i + 1) * bucket_s), y(n));
      });
      g.stroke();
    }
    return (g) => { for (let n = 0; n <= top; n += step) valueAxis(g, plot, y(n), n + " /s"); };
  }

  function valueAxis(g, plot, y, text) {
    g.fillStyle = colour("--line"); g.globalAlpha = 0.6; g.fillRect(plot.x, y, plot.w, 1); g.globalAlpha = 1;
    g.fillStyle = colour("--quiet"); g.textAlign = "right"; g.textBaseline = "middle"; g.fillText(text, plot.x - 8, y);
  }

  function readout(s) {
    const bucket = Math.floor(s / data.rates.bucket_s), parts = [s.toFixed(2) + " s"];
    for (const name of ["ok", "info", "fail"]) {
      const n = data.rates.series[name][bucket];
      if (n !== undefined) parts.push(name + " " + n + "/s");
    }
    const on = data.windows.filter((w) => w.start_s <= s && s <= w.end_s).map((w) => w.name + " (" + w.targets + ")");
    document.getElementById("readout").textContent = parts.concat(on).join(" · ");
  }

  async function copy(button) {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "copied";
  }
})();
