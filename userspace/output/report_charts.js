// SPDX-License-Identifier: GPL-2.0-only
//
// Charts of the report as inline SVG: lines over time, bars of lifetimes, a survival curve. Each is
// an image with a text alternative, and is drawn anew for the width that it has. Every name comes
// from the traced program and is hostile: text is only ever set as text, never as markup.

function create(name, parent, options = {}) {
  const made = document.createElement(name);
  const { text, ...attributes } = options;
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (parent) parent.append(made);
  return made;
}

function draw(name, parent, attributes = {}, text) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

// Text of the analysis, in which names stand in backquotes.
function addWords(parent, text) {
  text.split('`').forEach((part, i, parts) => {
    // An odd one out belongs to a name, or to nothing.
    if (i % 2 === 1 && i + 1 < parts.length) create('code', parent, { text: part });
    else if (part) parent.append(part);
  });
}

// --- Words ---------------------------------------------------------------------------------------

// As format_duration(): two units at most, the rest dropped.
function duration(seconds) {
  if (seconds < 1e-3) return `${short(seconds * 1e6)} \u00b5s`;
  if (seconds < 1) return `${short(seconds * 1e3)} ms`;
  if (seconds < 60) return `${short(seconds)} s`;
  const units = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const first = units.findIndex(([size]) => seconds >= size);
  const parts = [];
  let rest = seconds;
  for (const [size, name] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count} ${name}`);
    rest -= count * size;
  }
  return parts.join(' ');
}

function signed(bytes) { return `${bytes > 0 ? '+' : ''}${human(bytes)}`; }

// What is not known to have been freed: what is live, and what has lapsed.
function heldBytes({ live_bytes: live, lapsed_bytes: lapsed }) { return live + lapsed; }

// That, and how sure it is where it is an estimate.
function liveBytes(of) {
  const bytes = `${of.lapsed_bytes > 0 ? 'at most ' : ''}${human(heldBytes(of))}`;
  return of.live_bytes_standard_error === null ? bytes
    : `${bytes} \u00b1 ${human(of.live_bytes_standard_error)}`;
}

function liveBlocks({ live_count: live, lapsed_count: lapsed }) {
  return `${lapsed > 0 ? 'at most ' : ''}${grouped(live + lapsed)}`;
}

function hourly(bytesPerSecond) { return `${signed(bytesPerSecond * 3600)}/h`; }

function blocks(count) { return `${grouped(count)} block${count === 1 ? '' : 's'}`; }

// --- Axes ----------------------------------------------------------------------------------------

const LEFT = 74;
const RIGHT = 28;
const TOP = 10;
const BOTTOM = 28;

// Round steps of powers of two, so that they are round in KiB, MiB and so on.
function byteTicks(greatest) {
  let step = 1;
  while (greatest / step > 5) step *= 2;
  const ticks = [];
  for (let value = 0; value <= greatest; value += step) ticks.push(value);
  if (ticks.at(-1) < greatest) ticks.push(ticks.at(-1) + step);
  return ticks;
}

function timeTicks(seconds, most) {
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800,
    21600, 43200, 86400];
  const step = steps.find((size) => seconds / size <= most) ?? 86400 * Math.ceil(seconds / 86400 / most);
  const ticks = [];
  for (let i = 0; i * step <= seconds + 1e-9; ++i) ticks.push(i * step);
  return ticks;
}

// A figure whose chart is drawn for the width that it has, now and when that changes. `paint` is
// given the SVG element and its width.
function chart(parent, { caption, summary, height, paint }) {
  const figure = create('figure', parent);
  create('figcaption', figure, { text: caption });
  const svg = draw('svg', figure, { role: 'img', 'aria-label': `${caption}. ${summary}`, class: 'chart' });
  let drawn = 0;
  function redraw() {
    const width = Math.max(280, Math.floor(figure.clientWidth));
    if (width === drawn) return;
    drawn = width;
    svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    svg.setAttribute('height', height);
    svg.replaceChildren();
    paint(svg, width);
  }
  redraw();
  new ResizeObserver(redraw).observe(figure);
  return { figure, svg };
}

function axes(svg, width, height, x, y, xTicks, yTicks, xText, yText) {
  for (const tick of yTicks) {
    draw('line', svg, { class: 'grid', x1: LEFT, x2: width - RIGHT, y1: y(tick), y2: y(tick) });
    draw('text', svg, { class: 'tick', x: LEFT - 8, y: y(tick) + 4, 'text-anchor': 'end' }, yText(tick));
  }
  for (const tick of xTicks) {
    draw('line', svg, { class: 'axis', x1: x(tick), x2: x(tick), y1: height - BOTTOM, y2: height - BOTTOM + 4 });
    draw('text', svg, { class: 'tick', x: x(tick), y: height - BOTTOM + 18, 'text-anchor': 'middle' }, xText(tick));
  }
}

function path(points, x, y) {
  return points.map(([at, value], i) => `${i ? 'L' : 'M'}${x(at).toFixed(1)} ${y(value).toFixed(1)}`)
    .join('');
}

// --- Over time -----------------------------------------------------------------------------------

// `lines`: [{ name, style, points: [[seconds, bytes], ...] }]; `trend`: { from, to, low, middle,
// high }, the last three functions of seconds; `dots`: [[seconds, bytes], ...].
function timeChart(parent, { caption, summary, lines, seconds, trend, dots = [], height = 230 }) {
  const values = lines.flatMap((line) => line.points.map(([, bytes]) => bytes));
  if (trend) values.push(trend.middle(trend.to), Math.min(trend.high(trend.to), 2 * Math.max(...values)));
  const yTicks = byteTicks(Math.max(1, ...values));
  const y = (bytes) => TOP + (height - TOP - BOTTOM) * (1 - bytes / yTicks.at(-1));
  let x;
  const { figure, svg } = chart(parent, { caption, summary, height, paint });
  const legend = create('p', figure, { class: 'legend', 'aria-hidden': 'true' });
  const entries = [...lines];
  if (trend) entries.push({ name: 'trend with its 95 % interval', style: 'trend' });
  if (dots.length) entries.push({ name: 'low points that it is made from', style: 'dots' });
  for (const { name, style } of entries) {
    const key = draw('svg', legend, { width: 26, height: 10 });
    if (style === 'dots') draw('circle', key, { class: 'dot', cx: 13, cy: 5, r: 4 });
    else draw('path', key, { class: `line ${style}`, d: 'M0 5L26 5' });
    legend.append(`${name} `);
  }
  const reading = create('output', figure, { class: 'reading', 'aria-live': 'polite' });

  function paint(target, width) {
    x = (at) => LEFT + (width - LEFT - RIGHT) * (seconds > 0 ? at / seconds : 0);
    axes(target, width, height, x, y, timeTicks(seconds, Math.max(2, Math.floor(width / 110))),
      yTicks, (tick) => (tick === 0 ? '0' : duration(tick)), human);
    if (trend) {
      const clip = (bytes) => Math.min(Math.max(bytes, 0), yTicks.at(-1));
      const { from, to } = trend;
      const steps = Array.from({ length: 33 }, (_, i) => from + (to - from) * i / 32);
      const upper = steps.map((at) => [at, clip(Math.max(trend.low(at), trend.high(at)))]);
      const lower = steps.map((at) => [at, clip(Math.min(trend.low(at), trend.high(at)))]);
      draw('path', target, { class: 'band', d: `${path([...upper, ...lower.reverse()], x, y)}Z` });
      draw('path', target, { class: 'line trend', d: path(steps.map((at) => [at, clip(trend.middle(at))]), x, y) });
    }
    for (const line of lines) draw('path', target, { class: `line ${line.style}`, d: path(line.points, x, y) });
    for (const [at, bytes] of dots) draw('circle', target, { class: 'dot', cx: x(at), cy: y(bytes), r: 4 });
    draw('line', target, { class: 'cursor', y1: TOP, y2: height - BOTTOM, visibility: 'hidden' });
  }

  // What the lines are at a point that one moves to, by pointer or by arrow keys.
  const moments = [...new Set(lines.flatMap((line) => line.points.map(([at]) => at)))]
    .sort((a, b) => a - b);
  let current = -1;
  const valueAt = (points, at) => {
    const after = points.findIndex(([time]) => time >= at);
    if (after <= 0) return points.at(after)?.[1] ?? 0;
    const [[t0, b0], [t1, b1]] = [points[after - 1], points[after]];
    return b0 + (b1 - b0) * (at - t0) / (t1 - t0 || 1);
  };
  function read(index) {
    current = Math.min(Math.max(index, 0), moments.length - 1);
    const at = moments[current];
    const cursor = svg.querySelector('.cursor');
    cursor.setAttribute('x1', x(at));
    cursor.setAttribute('x2', x(at));
    cursor.setAttribute('visibility', 'visible');
    reading.textContent = `after ${at === 0 ? '0 s' : duration(at)}: ` +
      lines.map(({ name, points }) => `${name} ${human(Math.round(valueAt(points, at)))}`).join(', ');
  }
  function stopReading() {
    svg.querySelector('.cursor').setAttribute('visibility', 'hidden');
    reading.textContent = '';
  }
  svg.setAttribute('tabindex', '0');
  svg.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect();
    const at = (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT) * seconds;
    const after = moments.findIndex((moment) => moment >= at);
    const index = after < 0 ? moments.length - 1 : after;
    read(index > 0 && at - moments[index - 1] < moments[index] - at ? index - 1 : index);
  });
  svg.addEventListener('pointerleave', stopReading);
  svg.addEventListener('blur', stopReading);
  svg.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: current - 1, ArrowRight: current + 1, Home: 0, End: moments.length }[event.key];
    if (step === undefined) return;
    read(step);
    event.preventDefault();
  });
  return figure;
}

// --- Lifetimes -----------------------------------------------------------------------------------

// `bins`: count of blocks that were freed at an age below 2^i microseconds, but not below 2^(i-1).
function lifetimesChart(parent, bins) {
  const first = bins.findIndex((count) => count > 0);
  const ageOf = (bin) => 2 ** bin * 1e-6;
  const total = bins.reduce((sum, count) => sum + count, 0);
  const greatest = Math.max(...bins);
  const most = bins.indexOf(greatest);
  const height = 190;
  const shown = bins.slice(first);
  const y = (count) => TOP + (height - TOP - BOTTOM) * (1 - count / greatest);
  return chart(parent, {
    caption: 'Lifetimes of the blocks that were freed', height,
    summary: `${blocks(total)}, most of them, ${percent(greatest, total)}, freed at an age of ` +
      `${duration(ageOf(most) / 2)} to ${duration(ageOf(most))}; the youngest below ` +
      `${duration(ageOf(first))}, the oldest below ${duration(ageOf(bins.length - 1))}`,
    paint(svg, width) {
      const bar = Math.min(48, (width - LEFT - RIGHT) / shown.length);
      const x = (bin) => LEFT + (bin - first) * bar;
      const every = Math.ceil(64 / bar);
      const ticks = shown.map((_, i) => first + i).filter((bin) => (bin - first) % every === 0);
      axes(svg, width, height, x, y, ticks, [0, greatest / 2, greatest],
        (bin) => duration(ageOf(bin) / 2), (count) => grouped(Math.round(count)));
      shown.forEach((count, i) => {
        const rect = draw('rect', svg, { class: 'bar', x: x(first + i) + 1, width: Math.max(1, bar - 2),
          y: y(count), height: height - BOTTOM - y(count) });
        draw('title', rect, {}, `${duration(ageOf(first + i) / 2)} to ${duration(ageOf(first + i))}: ${blocks(count)}`);
      });
    },
  }).figure;
}

// `curve`: [[age in seconds, share, low, high], ...], steps of the share that outlives an age.
function survivalChart(parent, curve) {
  const height = 190;
  const [age, share, low, high] = curve.at(-1);
  const text = (value) => `${short(100 * value)} %`;
  return chart(parent, {
    caption: 'Share of the blocks that outlive an age', height,
    summary: `${text(share)} outlive ${duration(age)}, 95 % interval ${text(low)} to ${text(high)}`,
    paint(svg, width) {
      const from = Math.log2(Math.min(curve[0][0], age / 2)) - 1;
      const to = Math.log2(age);
      const x = (seconds) => LEFT + (width - LEFT - RIGHT) * (Math.log2(seconds) - from) / (to - from);
      const y = (value) => TOP + (height - TOP - BOTTOM) * (1 - value);
      const every = Math.ceil((to - from) * 64 / (width - LEFT - RIGHT));
      const ticks = [];
      for (let power = to; power >= from; power -= every) ticks.push(2 ** power);
      axes(svg, width, height, x, y, ticks.reverse(), [0, 0.5, 1], duration, text);
      const steps = (index) => {
        const points = [[2 ** from, 1]];
        for (const point of curve) points.push([point[0], points.at(-1)[1]], [point[0], point[index]]);
        return points;
      };
      draw('path', svg, { class: 'band', d: `${path([...steps(3), ...steps(2).reverse()], x, y)}Z` });
      draw('path', svg, { class: 'line heap', d: path(steps(1), x, y) });
    },
  }).figure;
}
