// SPDX-License-Identifier: GPL-2.0-only
//
// Draws the report from its data: what was found, memory over time, flame graphs, stacks, and how it
// was recorded. It computes nothing that is not in the data but words.

const data = JSON.parse(document.getElementById('data').textContent);
const section = (id) => document.getElementById(id);

function facts(parent, rows) {
  const list = create('dl', parent, { class: 'facts' });
  for (const [name, value] of rows) {
    if (value === null || value === undefined || value === '') continue;
    create('dt', list, { text: name });
    create('dd', list, { text: value });
  }
}

// --- Summary -------------------------------------------------------------------------------------

function sampling() {
  const { mode, bytes, observed_share: seen } = data.sampling;
  const followed = mode === 'exact' ? 'every allocation followed'
    : `one allocation in about ${human(bytes)} followed; figures are estimates, ` +
      '\u00b1 their standard error';
  return seen < 1 ? `${followed}; seen for ${percent(seen, 1)} of the time: what may have been freed ` +
    'in between counts as live' : followed;
}

function nameOf(target) { return target.command || target.executable || String(target.pid); }

function showSummary() {
  const head = section('summary');
  const names = data.targets.map(nameOf);
  const title = names.length > 3 ? `${names.length} processes` : names.join(', ');
  create('h1', head, { text: title.length > 160 ? `${title.slice(0, 160)}\u2026` : title });
  document.title = `${head.firstChild.textContent} \u2013 seep`;
  create('p', head, { class: 'subtitle',
    text: `${data.targets.map(({ pid }) => `process ${pid}`).slice(0, 5).join(', ')} \u00b7 ` +
      `${duration(data.window.seconds)} from ${data.window.start} \u00b7 ` +
      `${grouped(data.window.snapshots)} snapshots \u00b7 ${sampling()}` });
  const { process } = data;
  const tiles = create('dl', head, { class: 'tiles' });
  const tile = (name, value, detail) => {
    const box = create('div', tiles);
    create('dt', box, { text: name });
    create('dd', box, { text: value });
    create('dd', box, { class: 'about', text: detail });
  };
  tile('Resident', human(process.rss_bytes), hourly(process.rss_growth_bytes_per_second));
  tile('Live in the traced heap', liveBytes(process), `in ${liveBlocks(process)} blocks`);
  tile('Allocated since attach', human(process.allocated_bytes),
    `${human(process.freed_bytes)} of it freed`);
  tile('Cost of tracing', `${short(data.overhead.cpu_percent)} %`, 'of the target\u2019s CPU time');
}

// --- Findings ------------------------------------------------------------------------------------

function ending(text) { return /[.!?]$/.test(text) ? text : `${text}.`; }

function showFindings(showOnly) {
  const parent = section('findings');
  for (const warning of data.warnings) create('p', parent, { class: 'warning', text: warning });
  const verdict = create('p', parent, { class: 'verdict' });
  badge(verdict, data.process.verdict);
  const known = data.findings.some(({ sentence }) => sentence === data.process.reason);
  addWords(verdict, ` ${ending(known || !data.process.reason ? 'the process as a whole'
    : `the process as a whole: ${data.process.reason}`)}`);
  if (data.memory.advice) addWords(create('p', parent), `Try: ${ending(data.memory.advice)}`);
  if (data.without_findings) create('p', parent, { text: data.without_findings });
  const list = create('ol', parent, { class: 'findings' });
  for (const finding of data.findings) {
    const item = create('li', list);
    badge(item, finding.verdict);
    addWords(item, ` ${ending(finding.sentence)} `);
    if (finding.stacks.length === 0) continue;
    const count = finding.stacks.length;
    const button = create('button', item, { type: 'button',
      text: count === 1 ? 'Show the stack' : `Show its ${grouped(count)} stacks` });
    button.addEventListener('click', () => showOnly(finding.stacks, `finding ${finding.rank}`));
  }
  for (const use of data.suppressions) {
    create('p', parent, { class: 'note', text: `Suppressed by leak:${use.pattern}: ` +
      `${grouped(use.stacks)} stacks, ${human(use.live_bytes)} live in ${blocks(use.live_count)}.` });
  }
}

// --- Memory over time ----------------------------------------------------------------------------

function showMemory() {
  const parent = section('memory');
  const lines = [{ name: 'resident', style: 'rss' }, { name: 'anonymous', style: 'anonymous' },
    { name: 'live in the traced heap', style: 'heap' }];
  const FIELDS = 1 + lines.length;
  const moments = [];
  for (let i = 0; i < data.over_time.length; i += FIELDS) moments.push(data.over_time.slice(i, i + FIELDS));
  if (moments.length < 2) {
    create('p', parent, { text: 'One snapshot makes no curve.' });
    return;
  }
  lines.forEach((line, i) => { line.points = moments.map((moment) => [moment[0] / 1000, moment[1 + i]]); });
  const [first, last] = [moments[0], moments.at(-1)];
  timeChart(parent, {
    caption: 'Memory of the process over time', lines, seconds: data.window.seconds, height: 280,
    summary: lines.map(({ name }, i) => `${name} from ${human(first[1 + i])} to ${human(last[1 + i])}`)
      .join('; '),
  });
  const { memory } = data;
  const rate = ({ estimate, low, high }) => (low < high
    ? `${signed(estimate)} an hour, 95 % interval ${signed(low)} to ${signed(high)}`
    : `${signed(estimate)} an hour`);
  facts(parent, [
    ['Anonymous memory', `${human(memory.anonymous_bytes)}, ${rate(memory.bytes_per_hour.anonymous)}`],
    ['Traced heap', `${human(memory.heap_bytes)} live, ${human(memory.heap_peak_bytes)} at its peak, ` +
      rate(memory.bytes_per_hour.heap)],
    ['Files and shared memory', `${human(memory.file_bytes)}, ${rate(memory.bytes_per_hour.file)}`],
    ['Covered', memory.coverage === null ? null
      : `${percent(memory.coverage, 1)} of the anonymous memory is live in the traced heap`],
    ['Limit', memory.limited_by === null ? null
      : `${human(memory.used_bytes)} used of the ${human(memory.limit_bytes)} ` +
        (memory.limited_by === 'cgroup' ? 'that the control group may use'
          : 'of memory and swap of the host') +
        (memory.seconds_to_limit.expected === null ? ''
          : `, reached in ${duration(memory.seconds_to_limit.expected)} at this growth`)],
  ]);
  const details = create('details', parent);
  create('summary', details, { text: 'The chart as a table' });
  const table = create('table', create('div', details, { class: 'scroll' }), { class: 'figures' });
  const head = create('tr', create('thead', table));
  for (const name of ['after', ...lines.map((line) => line.name)]) {
    create('th', head, { scope: 'col', text: name });
  }
  const body = create('tbody', table);
  const step = Math.max(1, Math.ceil(moments.length / 60));
  moments.forEach((moment, i) => {
    if (i % step !== 0 && i + 1 !== moments.length) return;
    const row = create('tr', body);
    create('th', row, { scope: 'row', text: moment[0] === 0 ? '0 s' : duration(moment[0] / 1000) });
    for (const bytes of moment.slice(1)) create('td', row, { text: human(bytes) });
  });
}

// --- Flame graphs --------------------------------------------------------------------------------

// Each is a document of its own, as `seep flame` writes it; it is made when it is first looked at.
function showFlames() {
  const parent = section('flames');
  const choice = create('fieldset', parent, { class: 'choice' });
  create('legend', choice, { class: 'hidden', text: 'Width of the frames' });
  const place = create('div', parent);
  const made = new Map();
  function show(flame) {
    if (!made.has(flame)) {
      const box = create('iframe', null, { title: `Flame graph: ${flame.label.toLowerCase()}`,
        height: /<svg[^>]* height="(\d+)/.exec(flame.svg)[1] });
      box.srcdoc = '<!DOCTYPE html><html lang="en"><title>Flame graph</title>' +
        `<style>:root{color-scheme:light dark}body{margin:0}</style>${flame.svg.replace(/^<\?xml[^>]*>/, '')}`;
      made.set(flame, box);
      place.append(box);
    }
    for (const [other, box] of made) box.hidden = other !== flame;
  }
  const chosen = data.flames.find((flame) => !flame.empty) ?? data.flames[0];
  for (const flame of data.flames) {
    const label = create('label', choice);
    const radio = create('input', label, { type: 'radio', name: 'flame' });
    label.append(flame.label);
    radio.checked = flame === chosen;
    radio.addEventListener('change', () => show(flame));
  }
  show(chosen);
}

// --- How it was recorded -------------------------------------------------------------------------

function showRecording() {
  const parent = section('recording');
  for (const target of data.targets) {
    facts(parent, [['Process', String(target.pid)], ['Command', target.command],
      ['Executable', target.executable], ['Allocator', target.allocators]]);
  }
  const lost = Object.entries(data.losses).filter(([, count]) => count > 0);
  facts(parent, [
    ['Window', `${duration(data.window.seconds)} from ${data.window.start}`],
    ['Snapshots', `${grouped(data.window.snapshots)}, one every ${duration(data.window.interval_seconds)}`],
    ['Sampling', sampling()],
    ['Cost', `${short(data.overhead.cpu_percent)} % of the target\u2019s CPU time, ` +
      `${grouped(data.overhead.probe_hits)} probe hits`],
    ['Losses', lost.length === 0 ? 'none'
      : lost.map(([name, count]) => `${grouped(count)} ${name.replaceAll('_', ' ')}`).join(', ')],
    ['Truncated stacks', data.truncated_share === 0 ? 'none'
      : `${percent(data.truncated_share, 1)} of the allocations` +
        data.truncated_in.slice(0, 5).map(({ module, generated_code: generated, reason, allocations }) =>
          `; ${grouped(allocations)} end in ${generated ? 'generated code' : module || 'unknown code'} (${reason})`)
          .join('')],
    ['Made by', `seep ${data.seep.version}`],
  ]);
}

showSummary();
const showOnly = stackTable(section('stacks'), data);
showFindings(showOnly);
showMemory();
showFlames();
showRecording();
