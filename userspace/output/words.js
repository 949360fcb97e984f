// SPDX-License-Identifier: GPL-2.0-only
//
// Numbers in words, as base/text.h writes them; for every page that seep makes.
'use strict';

function grouped(count) { return count.toLocaleString('en-US'); }

// As toPrecision(3), without an exponent and without zeros at the end.
function short(value) {
  return Math.abs(value) >= 999.5 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

// As percent() in output/phrases.h.
function percent(part, whole) {
  const share = whole > 0 ? part / whole : 0;
  return share > 0 && share < 0.001 ? 'under 0.1 %' : `${short(share * 100)} %`;
}

function human(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  let value = Math.abs(bytes);
  let unit = 0;
  while (value >= 1023.5 && unit + 1 < units.length) { value /= 1024; ++unit; }
  return `${bytes < 0 ? '-' : ''}${short(value)} ${units[unit]}`;
}
