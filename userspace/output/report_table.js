// SPDX-License-Identifier: GPL-2.0-only
//
// The table of stacks: search, filter, sort; rows are made a hundred at a time, and what a stack has
// besides its row when it is opened.

const COLUMNS = [
  { name: '#', value: (stack) => stack.rank, up: true },
  { name: 'Stack', value: (stack) => stack.title, up: true, text: true },
  { name: 'Verdict', value: (stack) => stack.verdict, up: true, text: true },
  { name: 'Growth an hour', value: (stack) => stack.growth.bytes_per_second,
    shown: (stack) => signed(stack.growth.bytes_per_second * 3600) },
  { name: 'Live', value: heldBytes, shown: liveBytes },
  { name: 'Live blocks', value: (stack) => stack.live_count + stack.lapsed_count, shown: liveBlocks },
  { name: 'Allocated', value: (stack) => stack.allocated_bytes,
    shown: (stack) => human(stack.allocated_bytes) },
  { name: 'Freed blocks', value: (stack) => stack.freed_count,
    shown: (stack) => percent(stack.freed_count, stack.allocated_count) },
];
const PORTION = 100;

// Frames of the data's tables, each once, and stacks that refer to them.
function unpack(data) {
  const FIELDS = 5;
  const frames = [];
  for (let i = 0; i < data.frames.length; i += FIELDS) {
    const [name, module, file, line, inlined] = data.frames.slice(i, i + FIELDS);
    frames.push({ name: data.texts[name], module: data.texts[module], file: data.texts[file], line,
      inlined: inlined === 1, words: null });
  }
  data.stacks.forEach((stack, index) => {
    stack.rank = index + 1;
    stack.frames = stack.frames.map((id) => frames[id]);
    // The frame that a finding would be named for, and what calls it.
    stack.title = stack.frames[stack.culprit]?.name ?? '';
    stack.callers = stack.frames.slice(stack.culprit + 1, stack.culprit + 4).map(({ name }) => name);
  });
}

// Every word of the search is in a name, a module, a file, the verdict or the id.
function matcher(text) {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  const known = wanted.map(() => new Map());
  const inFrame = (frame, i) => {
    let found = known[i].get(frame);
    if (found === undefined) {
      frame.words ??= `${frame.name} ${frame.module} ${frame.file}`.toLowerCase();
      found = frame.words.includes(wanted[i]);
      known[i].set(frame, found);
    }
    return found;
  };
  return (stack) => wanted.every((word, i) => stack.verdict === word || stack.id === word ||
    stack.frames.some((frame) => inFrame(frame, i)));
}

function stackTable(section, data) {
  unpack(data);
  const controls = create('div', section, { class: 'controls', role: 'search' });
  const label = create('label', controls, { text: 'Search ' });
  const search = create('input', label, { type: 'search', placeholder: 'function, file, module, id',
    autocomplete: 'off', spellcheck: 'false' });
  const verdictLabel = create('label', controls, { text: 'Verdict ' });
  const verdict = create('select', verdictLabel);
  create('option', verdict, { value: '', text: 'all' });
  for (const name of [...new Set(data.stacks.map((stack) => stack.verdict))].sort()) {
    create('option', verdict, { value: name, text: name });
  }
  const only = create('button', controls, { type: 'button', class: 'only', hidden: '' });
  const status = create('output', controls, { 'aria-live': 'polite' });
  const scroll = create('div', section, { class: 'scroll' });
  const table = create('table', scroll, { class: 'stacks' });
  create('caption', table, { class: 'hidden', text: 'Stacks; a row\u2019s button shows its evidence' });
  const headRow = create('tr', create('thead', table));
  const body = create('tbody', table);
  const more = create('button', section, { type: 'button', class: 'more' });

  let column = COLUMNS[0];
  let up = true;
  let ids = null;
  let rows = data.stacks;
  let made = 0;

  const heads = COLUMNS.map((entry) => {
    const head = create('th', headRow, { scope: 'col', class: entry.text ? '' : 'number' });
    const button = create('button', head, { type: 'button', text: entry.name });
    button.addEventListener('click', () => {
      up = column === entry ? !up : Boolean(entry.up);
      column = entry;
      update();
    });
    return head;
  });

  function addRow(stack) {
    const row = create('tr', body);
    for (const entry of COLUMNS) {
      const cell = create('td', row, { class: entry.text ? '' : 'number' });
      if (entry.name === 'Stack') {
        cell.className = 'stack';
        const button = create('button', cell, { type: 'button', 'aria-expanded': 'false' });
        create('code', button, { text: stack.title || 'no frames' });
        if (stack.kind !== 'heap') create('small', button, { text: stack.kind });
        create('small', cell, { class: 'callers',
          text: stack.callers.length ? `from ${stack.callers.join(' \u2190 ')}` : '' });
        button.addEventListener('click', () => toggle(row, button, stack));
      } else if (entry.name === 'Verdict') {
        badge(cell, stack.verdict);
        if (stack.suppressed) create('small', cell, { text: 'suppressed' });
      } else {
        cell.textContent = entry.shown ? entry.shown(stack) : entry.value(stack);
      }
    }
    return row;
  }

  function toggle(row, button, stack) {
    const open = button.getAttribute('aria-expanded') === 'true';
    button.setAttribute('aria-expanded', String(!open));
    row.classList.toggle('open', !open);
    if (open) { row.nextSibling.remove(); return; }
    const detail = create('tr', null, { class: 'detail' });
    const cell = create('td', detail, { colspan: COLUMNS.length });
    row.after(detail);
    showStack(create('div', cell), stack, data, showOnly);
  }

  function addPortion() {
    const portion = rows.slice(made, made + PORTION);
    for (const stack of portion) addRow(stack);
    made += portion.length;
    more.hidden = made >= rows.length;
    more.textContent = `Show ${grouped(Math.min(PORTION, rows.length - made))} more of ${grouped(rows.length)}`;
  }

  function update() {
    const matches = matcher(search.value);
    rows = data.stacks.filter((stack) => (!ids || ids.has(stack.id)) &&
      (!verdict.value || stack.verdict === verdict.value) && matches(stack));
    const direction = up ? 1 : -1;
    rows.sort((a, b) => {
      const [x, y] = [column.value(a), column.value(b)];
      return x === y ? a.rank - b.rank : direction * (x < y ? -1 : 1);
    });
    heads.forEach((head, i) => {
      if (COLUMNS[i] === column) head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      else head.removeAttribute('aria-sort');
    });
    const all = data.stack_count > data.stacks.length
      ? `${grouped(data.stacks.length)} of the report (${grouped(data.stack_count)} were recorded)`
      : grouped(data.stacks.length);
    status.textContent = rows.length === data.stacks.length ? `${all} stacks`
      : `${grouped(rows.length)} of ${all} stacks`;
    body.replaceChildren();
    made = 0;
    addPortion();
  }

  function showOnly(wanted, text) {
    ids = wanted && new Set(wanted);
    only.hidden = !ids;
    only.textContent = `${text ?? ''} \u2715`;
    only.setAttribute('aria-label', `Only ${text ?? ''}: show all again`);
    search.value = '';
    verdict.value = '';
    column = COLUMNS[0];
    up = true;
    update();
    if (!ids) return;
    section.scrollIntoView();
    const button = body.querySelector('.stack button');
    if (button) { button.click(); button.focus({ preventScroll: true }); }
  }

  search.addEventListener('input', update);
  verdict.addEventListener('change', update);
  more.addEventListener('click', () => {
    const next = made;
    addPortion();
    body.querySelectorAll('.stack button')[next]?.focus();
  });
  only.addEventListener('click', () => { showOnly(null); search.focus(); });
  document.addEventListener('keydown', (event) => {
    const typing = event.target.matches?.('input, select');
    if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey) {
      search.focus();
      event.preventDefault();
    } else if (event.key === 'Escape' && event.target === search && search.value) {
      search.value = '';
      update();
    }
  });
  update();
  return showOnly;
}
