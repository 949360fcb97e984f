// SPDX-License-Identifier: GPL-2.0-only
//
// After words.js. Makes the drawn flame graph interactive. Every name comes from the traced program and is hostile:
// text is only ever set as text, never as markup.
'use strict';
(() => {
  const svg = document.currentScript.ownerSVGElement;
  const data = JSON.parse(svg.querySelector('script[type="application/json"]').textContent);
  const rects = [...svg.querySelectorAll('.frames > rect')];
  const labels = svg.querySelector('.labels');
  const LEAST_COLUMNS = 5;

  // --- Frames -----------------------------------------------------------------------------------

  const frames = [];
  const indexOf = new Map(rects.map((rect, index) => [rect, index]));
  const FIELDS = data.frames.length / rects.length;

  // Frames are in pre-order: the stack of open frames tells parent, start and last descendant.
  const open = [];
  rects.forEach((rect, index) => {
    const [depth, name, value, count, base, merged] =
      data.frames.slice(index * FIELDS, (index + 1) * FIELDS);
    while (open.length > depth) close(open.pop(), index);
    const parent = open[depth - 1];
    const frame = {
      index, rect, depth, value: Number(value), exact: BigInt(value), count: BigInt(count),
      base: BigInt(base), merged, name: data.names[name], parent,
      start: parent ? parent.filled : 0, matched: false,
    };
    frame.filled = frame.start;
    if (parent) parent.filled += frame.value;
    frames.push(frame);
    open.push(frame);
  });
  open.forEach((frame) => close(frame, rects.length));
  function close(frame, next) { frame.end = next; }

  const root = frames[0];
  let zoomed = root;
  let focused = null;
  const anyMerged = frames.some((frame) => frame.merged > 0);

  // --- Words ------------------------------------------------------------------------------------

  function amount(exact) {
    if (data.unit === 'blocks') return `${grouped(exact)} blocks`;
    return `${human(Number(exact))} (${grouped(exact)} bytes)`;
  }

  function description(frame) {
    const blocks = data.unit === 'blocks' ? '' : ` in ${grouped(frame.count)} blocks`;
    const lines = [frame.name, amount(frame.exact) + blocks];
    if (frame.merged) lines.push(`${grouped(frame.merged)} frames that are too narrow to draw`);
    if (frame.parent) {
      lines.push(`${percent(frame.value, root.value)} of all, ` +
        `${percent(frame.value, frame.parent.value)} of its caller`);
    }
    if (data.difference) {
      const difference = frame.exact - frame.base;
      lines.push(`${difference > 0 ? '+' : ''}${amount(difference)} against the base` +
        (frame.base > 0 ? `, ${percent(Number(difference), Number(frame.base))}` : ', new'));
    }
    return lines;
  }

  // --- Drawing ----------------------------------------------------------------------------------

  function element(name, parent) {
    const made = document.createElementNS('http://www.w3.org/1999/xhtml', name);
    parent.append(made);
    return made;
  }

  function svgElement(name, parent) {
    const made = document.createElementNS('http://www.w3.org/2000/svg', name);
    parent.append(made);
    return made;
  }

  const probe = svgElement('text', labels);
  probe.textContent = 'M'.repeat(100);
  const columnWidth = (probe.getComputedTextLength() || 740) / 100;

  // As fit_columns() of the generator: what is not ASCII may be twice as wide.
  function fitted(text, columns) {
    const width = (character) => (character < '\u0080' ? 1 : 2);
    let used = 0;
    let end = 0;
    let cut = 0;
    for (const character of text) {
      if (used + 2 <= columns) cut = end;
      used += width(character);
      end += character.length;
      if (used > columns) return `${text.slice(0, cut)}..`;
    }
    return text;
  }

  const pageWidth = () => Math.max(svg.getBoundingClientRect().width || 1200, 320);

  function place(frame, x, width) {
    const { rect } = frame;
    rect.setAttribute('x', x);
    rect.setAttribute('width', width);
    rect.classList.toggle('thin', width < 3);
    const columns = Math.floor((width - 2 * data.padding) / columnWidth);
    if (columns < LEAST_COLUMNS) {
      rect.removeAttribute('tabindex');
      return;
    }
    rect.setAttribute('tabindex', '0');
    const label = document.createElementNS('http://www.w3.org/2000/svg', 'text');
    label.setAttribute('x', x + data.padding);
    label.setAttribute('y', Number(rect.getAttribute('y')) + 13);
    label.textContent = fitted(frame.name, columns);
    label.classList.toggle('match', frame.matched);
    return label;
  }

  function draw() {
    const plot = pageWidth() - 2 * data.margin;
    const scale = plot / (zoomed.value || 1);
    const placed = [];
    for (const frame of frames) {
      const inside = frame.index >= zoomed.index && frame.index < zoomed.end;
      const above = frame.index < zoomed.index && frame.end > zoomed.index;
      frame.shown = inside || above;
      frame.rect.style.display = frame.shown ? '' : 'none';
      frame.rect.classList.toggle('above', above);
      frame.rect.classList.toggle('match', frame.matched);
      if (above || frame === zoomed) {
        placed.push(place(frame, data.margin, plot));
      } else if (inside) {
        placed.push(place(frame, data.margin + (frame.start - zoomed.start) * scale,
          frame.value * scale));
      }
    }
    labels.replaceChildren(...placed.filter(Boolean));
    reset.disabled = zoomed === root && search.value === '';
  }

  function fitHeader() {
    const columns = pageWidth() - 2 * data.margin;
    for (const [name, text] of Object.entries(header)) {
      const line = svg.querySelector(`.${name}`);
      line.textContent = text;
      for (let length = text.length; length > 0 && line.getComputedTextLength() > columns;) {
        length = Math.floor(length * 0.97);
        line.textContent = `${text.slice(0, length)}...`;
      }
    }
  }

  // --- Tooltip ----------------------------------------------------------------------------------

  const tipBox = svgElement('foreignObject', svg);
  tipBox.style.pointerEvents = 'none';
  tipBox.style.display = 'none';
  const tip = element('div', tipBox);
  tip.className = 'tip';
  tip.setAttribute('role', 'tooltip');

  function showTip(frame, x, y) {
    tip.replaceChildren();
    for (const line of description(frame)) element('div', tip).textContent = line;
    const width = Math.min(560, pageWidth() - 16);
    tipBox.style.display = '';
    tipBox.setAttribute('width', width);
    tipBox.setAttribute('height', 600);
    const size = { width: tip.offsetWidth + 14, height: tip.offsetHeight + 14 };
    const page = svg.getBoundingClientRect();
    // Beneath the pointer, or above it where the window ends.
    const below = page.top + y + 18 + size.height <= window.innerHeight;
    tipBox.setAttribute('x', Math.max(4, Math.min(x + 12, pageWidth() - size.width)));
    tipBox.setAttribute('y', below ? y + 18 : Math.max(0, y - size.height));
    tipBox.setAttribute('width', size.width);
    tipBox.setAttribute('height', size.height);
  }

  function hideTip() { tipBox.style.display = 'none'; }

  // --- Search -----------------------------------------------------------------------------------

  const bar = svgElement('foreignObject', svg.querySelector('.toolbar'));
  const controls = element('div', bar);
  const search = element('input', controls);
  const reset = element('button', controls);
  const result = element('output', controls);
  const help = element('span', controls);
  search.type = 'search';
  search.placeholder = 'Search (regular expression)';
  search.setAttribute('aria-label', 'Search functions by regular expression');
  reset.type = 'button';
  reset.textContent = 'Reset';
  result.setAttribute('aria-live', 'polite');
  help.textContent = 'click or Enter: zoom \u00b7 arrows: move \u00b7 / or Ctrl-F: search \u00b7 Esc: reset';

  // Case matters only to a pattern that has capitals.
  function compiled(pattern) {
    try {
      return new RegExp(pattern, pattern === pattern.toLowerCase() ? 'i' : '');
    } catch {
      return null;
    }
  }

  function find() {
    hideTip();
    const pattern = compiled(search.value);
    search.setAttribute('aria-invalid', String(pattern === null));
    const wanted = search.value !== '' && pattern !== null;
    let share = 0;
    let found = 0;
    let counted = 0;  // Frames before this index lie within a match that is counted already.
    for (const frame of frames) {
      frame.matched = wanted && frame !== root && !frame.merged && pattern.test(frame.name);
      if (!frame.matched) continue;
      ++found;
      if (frame.index < counted) continue;
      share += frame.value;
      counted = frame.end;
    }
    result.textContent = pattern === null ? 'not a regular expression'
      : wanted ? `${anyMerged ? 'at least ' : ''}${percent(share, root.value)} matched, ` +
        `${grouped(found)} frames` : '';
    draw();
  }

  // --- Commands ---------------------------------------------------------------------------------

  function zoom(frame) {
    zoomed = frame;
    hideTip();
    draw();
  }

  function resetAll() {
    search.value = '';
    search.blur();
    zoomed = root;
    find();
  }

  function focus(frame) {
    frame.rect.setAttribute('tabindex', '0');
    frame.rect.focus();
  }

  // Arrows follow the picture: left and right within the row, up to the caller, down to the widest
  // callee.
  function neighbour(frame, key) {
    if (key === 'ArrowUp') return frame.parent;
    if (key === 'Home') return root;
    if (key === 'ArrowDown') {
      if (frame.index < zoomed.index) return frames.slice(frame.index + 1).find((f) => f.shown);
      const callee = frames[frame.index + 1];
      return callee && callee.parent === frame ? callee : null;
    }
    const row = frames.filter((other) => other.shown && other.depth === frame.depth);
    return row[row.indexOf(frame) + (key === 'ArrowLeft' ? -1 : 1)];
  }

  const frameOf = (event) => frames[indexOf.get(event.target)];
  const group = svg.querySelector('.frames');

  group.addEventListener('click', (event) => {
    const frame = frameOf(event);
    if (frame) zoom(frame);
  });
  group.addEventListener('mousemove', (event) => {
    const frame = frameOf(event);
    const page = svg.getBoundingClientRect();
    if (frame) showTip(frame, event.clientX - page.left, event.clientY - page.top);
  });
  group.addEventListener('mouseleave', hideTip);
  // Not on the group: a listener for focus would make it a stop of the Tab key in Chromium.
  document.addEventListener('focusin', (event) => {
    focused = frameOf(event) ?? null;
    if (!focused) return;
    const { rect } = focused;
    rect.setAttribute('aria-label', description(focused).join(', '));
    rect.setAttribute('aria-level', focused.depth + 1);
    if (!rect.matches(':focus-visible')) return;  // A click has its tooltip at the pointer.
    showTip(focused, Number(rect.getAttribute('x')), Number(rect.getAttribute('y')) + 4);
  });
  document.addEventListener('focusout', () => { focused = null; hideTip(); });
  search.addEventListener('input', find);
  reset.addEventListener('click', resetAll);

  window.addEventListener('keydown', (event) => {
    const typing = event.target === search;
    if (event.key === 'Escape') {
      resetAll();
    } else if ((event.key === 'f' && (event.ctrlKey || event.metaKey)) ||
               (event.key === '/' && !typing)) {
      search.focus();
      search.select();
    } else if (typing || event.target === reset) {
      return;
    } else if ((event.key === 'Enter' || event.key === ' ') && focused) {
      zoom(focused);
    } else if (['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight', 'Home'].includes(event.key)) {
      const next = focused ? neighbour(focused, event.key) : zoomed;
      if (!focused && event.key !== 'ArrowDown') return;  // Scrolls the page.
      if (next) focus(next);
    } else {
      return;
    }
    event.preventDefault();
  });

  // --- Start ------------------------------------------------------------------------------------

  const header = Object.fromEntries(
    ['title', 'subtitle'].map((name) => [name, svg.querySelector(`.${name}`).textContent]));
  group.setAttribute('role', 'tree');
  group.setAttribute('aria-label', 'Call stacks');
  labels.setAttribute('aria-hidden', 'true');
  for (const rect of rects) rect.setAttribute('role', 'treeitem');

  function resize() {
    bar.setAttribute('x', data.margin - 2);
    bar.setAttribute('y', 56);
    bar.setAttribute('width', pageWidth() - 2 * data.margin + 4);
    bar.setAttribute('height', 30);
    // A page of its own fills the window: its colour, and room for tooltips.
    if (svg === document.documentElement) {
      svg.setAttribute('height', Math.max(drawnHeight, window.innerHeight));
    }
    hideTip();
    fitHeader();
    draw();
  }
  const drawnHeight = Number(svg.getAttribute('height'));
  svg.setAttribute('width', '100%');
  svg.removeAttribute('viewBox');
  window.addEventListener('resize', resize);
  // Paper is narrower, and nothing is drawn anew for it: what is drawn is scaled.
  svg.setAttribute('preserveAspectRatio', 'xMinYMin');
  window.addEventListener('beforeprint', () => svg.setAttribute('viewBox',
    `0 0 ${pageWidth()} ${svg.getAttribute('height')}`));
  window.addEventListener('afterprint', () => svg.removeAttribute('viewBox'));
  find();
  resize();
})();
