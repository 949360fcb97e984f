// SPDX-License-Identifier: GPL-2.0-only
//
// One stack of the report: its frames, its charts, and the evidence that its verdict stands on.

function badge(parent, verdict) {
  const known = ['leak', 'growing', 'warming', 'load', 'steady', 'undetermined'];
  return create('span', parent, {
    class: `badge ${known.includes(verdict) ? verdict : 'growing'}`, text: verdict });
}

function placeOf(frame) {
  if (frame.file) return frame.line ? `${frame.file}:${frame.line}` : frame.file;
  return frame.name.startsWith('[') ? '' : frame.module;
}

function interval(growth) {
  if (growth.low >= growth.high) return hourly(growth.bytes_per_second);
  return `${hourly(growth.bytes_per_second)}, 95 % interval ${hourly(growth.low)} to ${hourly(growth.high)}`;
}

// What is known of it, each with what it says: [name, value, meaning].
function evidenceOf(stack) {
  const { evidence, growth } = stack;
  const rows = [['Growth', interval(growth),
    growth.low > 0 ? 'certain: the whole interval is above zero' : 'the interval reaches zero or below']];
  if (evidence.turnover_z !== null) {
    rows.push(['Against chance', `${short(evidence.turnover_z)} standard deviations`,
      'net growth, in what coming and going alone would make']);
  }
  if (evidence.q_value !== null) {
    rows.push(['False alarms', evidence.q_value < 1e-4 ? 'below 0.01 %' : percent(evidence.q_value, 1),
      'among the stacks that are at least as extreme']);
  }
  if (evidence.age_ratio !== null) {
    rows.push(['Mean age of what is live', percent(evidence.age_ratio, 1),
      'of the time since attach: 50 % for an even leak, near 0 for what is in flight']);
  }
  if (evidence.survival) {
    const { age_seconds: age, share, low, high } = evidence.survival;
    rows.push(['Survival', `${percent(share, 1)} outlive ${duration(age)}`,
      `95 % interval ${percent(low, 1)} to ${percent(high, 1)}`]);
  }
  if (evidence.staying) {
    const { age_seconds: age, share, low, high, blocks, dying } = evidence.staying;
    rows.push(['Still there', `${percent(share, 1)} of ${blocks} after ${duration(age)}`,
      `blocks that were looked at again; 95 % interval ${percent(low, 1)} to ${percent(high, 1)}` +
      (dying ? '; fewer each time' : '')]);
  }
  if (evidence.unreachable) {
    const { share, low, high, blocks } = evidence.unreachable;
    rows.push(['Lost', `${percent(share, 1)} of ${blocks}`,
      `blocks that no pointer leads to; 95 % interval ${percent(low, 1)} to ${percent(high, 1)}`]);
  }
  if (evidence.pace !== null) {
    rows.push(['Pace', percent(evidence.pace, 1),
      'growth of the second half as a share of that of the first: 100 % is steady']);
  }
  if (evidence.decidable_at !== null) {
    rows.push(['Can be decided', evidence.decidable_at, 'if recorded until then']);
  }
  return rows;
}

function pairs(numbers) {
  const points = [];
  for (let i = 0; i < numbers.length; i += 2) points.push([numbers[i] / 1000, numbers[i + 1]]);
  return points;
}

function stackChart(parent, stack, seconds) {
  const { curves, growth } = stack;
  const points = pairs(curves.live);
  const line = (slope) => (at) => curves.trend.bytes + slope * (at - curves.trend.seconds);
  const trend = curves.trend && { from: curves.trend.from, to: curves.trend.to,
    low: line(growth.low), middle: line(growth.bytes_per_second), high: line(growth.high) };
  timeChart(parent, {
    caption: 'Live bytes over time', seconds, trend, dots: pairs(curves.troughs ?? []),
    lines: [{ name: 'live bytes', style: 'heap', points }],
    summary: `From ${human(points[0][1])} to ${human(points.at(-1)[1])} in ${duration(seconds)}` +
      (trend ? `; trend ${interval(growth)}` : '; too few snapshots for a trend'),
  });
}

// Everything about a stack, put together when it is opened.
function showStack(parent, stack, data, showOnly) {
  if (stack.reason) {
    const why = create('p', parent, { class: 'reason' });
    badge(why, stack.verdict);
    addWords(why, ` ${stack.reason}`);
  }
  const columns = create('div', parent, { class: 'columns' });
  const left = create('div', columns);
  const right = create('div', columns);
  create('h3', left, { text: 'Stack' });
  const list = create('ol', left, { class: 'frames' });
  for (const frame of stack.frames) {
    const item = create('li', list);
    create('code', item, { text: frame.name });
    const place = placeOf(frame);
    if (place || frame.inlined) {
      create('small', item, { text: place + (frame.inlined ? `${place ? ', ' : ''}inlined` : '') });
    }
  }
  if (stack.truncated) create('li', list, { class: 'note', text: 'truncated: the callers are not known' });
  create('h3', right, { text: 'Evidence' });
  const table = create('table', right, { class: 'evidence' });
  for (const [name, value, meaning] of evidenceOf(stack)) {
    const row = create('tr', table);
    create('th', row, { scope: 'row', text: name });
    const cell = create('td', row, { text: value });
    create('small', cell, { text: meaning });
  }
  const cluster = stack.evidence.cluster && data.clusters[stack.evidence.cluster - 1];
  if (cluster) {
    const button = create('button', right, { type: 'button',
      text: `Show the ${grouped(cluster.stacks.length)} stacks that grow in step with it` });
    button.addEventListener('click', () => showOnly(cluster.stacks, `in step with stack ${stack.rank}`));
  }
  stackChart(right, stack, data.window.seconds);
  if (stack.curves.lifetimes.length) lifetimesChart(right, stack.curves.lifetimes);
  if (stack.curves.survival.length) survivalChart(right, stack.curves.survival);
  create('p', left, { class: 'note', text: `id ${stack.id}` });
}
