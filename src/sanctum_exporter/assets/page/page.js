// Keeps the page up to date: asks for the documents of /api/v1 and writes what has changed, in place,
// so that scroll, focus and selection stay. Markup is cloned from the page's own templates, in which
// data-bind says what is written where; values are written as web/templates.py writes them.

const POLL_RUN_MS = 1000;
const POLL_RUNS_MS = 2000;
const LONGEST_PAUSE_MS = 30_000;
const TIMEOUT_MS = 10_000;
const MOST_ANNOUNCED = 3;
const NOTHING = '–';
const STATES = ['running', 'silent', 'zero slots', 'waiting', 'completed', 'stopped'];
const STAGES = ['FOSSILIZED', 'HOLDING', 'BLENDING', 'TRAINING', 'GERMINATED', 'DORMANT'];
const SVG = 'http://www.w3.org/2000/svg';

const $ = (id) => document.getElementById(id);
const wanted = new URLSearchParams(location.search).get('run');

// --- How values are written ---

let clockOffset = 0; // the exporter's clock is ahead of this one's by so many seconds

function duration(seconds) {
  const whole = Math.round(seconds);
  const [minutes, hours, days] = [60, 3600, 86_400].map((unit) => Math.floor(whole / unit));
  if (!minutes) return `${whole} s`;
  if (!hours) return `${minutes} min`;
  if (!days) return `${hours} h ${minutes % 60} min`;
  return `${days} d ${hours % 24} h`;
}

function when(timestamp) {
  if (!timestamp) return NOTHING;
  const parts = new Intl.DateTimeFormat('en-GB', {
    year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit',
    timeZoneName: 'short',
  }).formatToParts(timestamp * 1000);
  const part = (type) => parts.find((found) => found.type === type).value;
  return `${part('year')}-${part('month')}-${part('day')} ${part('hour')}:${part('minute')} ${part('timeZoneName')}`;
}

const clock = (milliseconds) => new Date(milliseconds).toLocaleTimeString('en-GB');
const present = () => Date.now() / 1000 + clockOffset;

const FORMATS = {
  absent: (value) => !value,
  age: (timestamp) => (timestamp ? `${duration(Math.max(0, present() - timestamp))} ago` : 'never'),
  left: (seconds) => (seconds ? duration(seconds) : NOTHING),
  link: (run) => (run === null ? './' : `?run=${encodeURIComponent(run)}`),
  name: (run) => run ?? NOTHING,
  number: (value) => value.toLocaleString('en-US'),
  percent: (ratio) => (ratio === null ? NOTHING : `${Math.floor(ratio * 100)} %`),
  plain: (value) => value ?? '',
  rate: (value) => value.toFixed(2),
  runbook: (name) => `-/runbooks/${name ?? 'index'}`,
  share: (ratio) => ratio ?? 0,
  title: (task) => task || 'Waiting for its start',
  verdict: (severity) => (severity === 'none' ? NOTHING : severity),
  when,
};

// --- From a document to the page ---

class Part {
  // A piece of the page whose bindings are known.
  constructor(root) {
    this.root = root;
    const bound = [...root.querySelectorAll('[data-bind]')].filter((element) => !element.closest('[data-rows]'));
    this.bindings = [root, ...bound].flatMap((element) =>
      (element.dataset.bind ?? '').split(' ').filter(Boolean).map((binding) => {
        const [target, path] = binding.split(':');
        const [field, format = 'plain'] = path.split('|');
        return { element, target, field, format, written: undefined };
      }));
  }

  static clone(name) {
    return new Part($(`${name}-template`).content.firstElementChild.cloneNode(true));
  }

  write(data) {
    this.data = data;
    this.bindings.forEach((binding) => this.#write(binding));
  }

  tick() {
    this.bindings.filter((binding) => binding.format === 'age').forEach((binding) => this.#write(binding));
  }

  #write(binding) {
    const value = FORMATS[binding.format](this.data[binding.field]);
    if (value === binding.written) return;
    binding.written = value;
    const { element, target } = binding;
    if (target === 'text') element.textContent = value;
    else if (target === 'hidden') element.hidden = value;
    else element.setAttribute(target, value);
  }
}

class Rows {
  // Parts in a container, one for each item, known by their keys.
  constructor(container, template) {
    container.replaceChildren();
    this.container = container;
    this.template = template;
    this.parts = new Map();
  }

  write(items, key) {
    const gone = new Set(this.parts.keys());
    const parts = items.map((item) => {
      const name = key(item);
      gone.delete(name);
      let part = this.parts.get(name);
      if (!part) this.parts.set(name, part = Part.clone(this.template));
      part.write(item);
      return part;
    });
    for (const name of gone) {
      this.parts.get(name).root.remove();
      this.parts.delete(name);
    }
    return parts;
  }

  arrange(parts) {
    let next = this.container.firstElementChild;
    for (const { root } of parts) {
      if (root === next) next = next.nextElementSibling;
      else this.container.insertBefore(root, next);
    }
  }
}

// --- A run ---

class Group {
  constructor(part) {
    const { root } = part;
    this.pre = root.querySelector('pre');
    this.spans = [];
    this.pre.replaceChildren();
    this.rows = Object.fromEntries([...root.querySelectorAll('[data-rows]')].map((body) =>
      [body.dataset.rows, new Rows(body, body.dataset.rows)]));
    this.chart = new Chart(root.querySelector('.chart'));
  }

  write(view) {
    this.#panel(view.lines);
    const { seed_lifecycle: seeds, slot_stage_counts: counts } = view.slots;
    const become = (event, name, stem) => ({
      event, name, seeds: seeds[`${stem}_count`], rate: seeds[`${stem}_rate`], trend: seeds[`${stem}_trend`],
    });
    this.#rows('stage', STAGES.toReversed().map((stage) => ({ stage, slots: counts[stage] ?? 0 })), 'stage');
    this.#rows('count', [
      become('germinated', 'Germinated', 'germination'),
      become('pruned', 'Pruned', 'prune'),
      become('fossilized', 'Fossilized', 'fossilize'),
    ], 'event');
    this.#rows('judgement', view.judgements, 'name');
    this.chart.draw(view.history);
  }

  #rows(name, items, key) {
    const rows = this.rows[name];
    rows.arrange(rows.write(items, (item) => item[key]));
  }

  #panel(lines) {
    const spans = lines.flatMap((line) => line.map(([text, style], index) =>
      [index === line.length - 1 ? `${text}\n` : text, style]));
    while (this.spans.length > spans.length) this.spans.pop().remove();
    spans.forEach(([text, style], index) => {
      let span = this.spans[index];
      if (!span) {
        span = document.createElement('span');
        this.pre.append(span);
        this.spans.push(span);
      }
      if (span.textContent !== text) span.textContent = text;
      if (span.className !== style) span.className = style;
    });
  }
}

class Chart {
  // Slots by stage over the last minutes, stacked, the stages that matter most at the bottom.
  constructor(figure) {
    this.figure = figure;
    const svg = figure.querySelector('svg');
    const { width, height } = svg.viewBox.baseVal;
    Object.assign(this, { svg, width, height });
    this.paths = STAGES.map((stage) => {
      const path = document.createElementNS(SVG, 'path');
      path.setAttribute('class', `area ${stage.toLowerCase()}`);
      svg.append(path);
      return path;
    });
  }

  draw({ timestamps, stages }) {
    const count = timestamps.length;
    this.figure.hidden = count < 2;
    if (count < 2 || timestamps[count - 1] === this.newest) return;
    this.newest = timestamps[count - 1];
    const span = this.newest - timestamps[0];
    const x = timestamps.map((time) => ((time - timestamps[0]) / span) * this.width);
    const most = Math.max(1, ...x.map((_, at) => STAGES.reduce((sum, stage) => sum + stages[stage][at], 0)));
    const y = (slots) => this.height * (1 - slots / most);
    let below = x.map(() => 0);
    STAGES.forEach((stage, index) => {
      const above = below.map((slots, at) => slots + stages[stage][at]);
      const edge = (level) => x.map((left, at) => `${left.toFixed(1)},${y(level[at]).toFixed(1)}`);
      this.paths[index].setAttribute('d', `M${edge(above).join('L')}L${edge(below).reverse().join('L')}Z`);
      below = above;
    });
    this.figure.querySelector('.span').textContent = `over ${duration(span)}`;
    this.figure.querySelector('.from').textContent = clock(timestamps[0] * 1000);
    this.figure.querySelector('.to').textContent = clock(this.newest * 1000);
    const now = STAGES.toReversed().map((stage) => `${stage} ${stages[stage][count - 1]}`);
    this.svg.setAttribute('aria-label', `Slots by stage over ${duration(span)}; now ${now.join(', ')}`);
  }
}

class RunView {
  constructor() {
    this.groups = new Rows($('groups'), 'group');
    this.details = new WeakMap();
    $('run-head').replaceChildren($('head-template').content.cloneNode(true));
    this.head = new Part($('run-head'));
  }

  write({ run, groups, runs }) {
    this.head.write(run);
    $('all-runs').hidden = runs < 2;
    const parts = this.groups.write(groups, (group) => group.group_id);
    parts.forEach((part, index) => {
      if (!this.details.has(part)) this.details.set(part, new Group(part));
      this.details.get(part).write(groups[index]);
    });
    this.groups.arrange(parts);
    announce(groups, (group) => (groups.length > 1 ? `Group ${group.group_id}` : 'The run'));
    document.title = `${run.state} · ${run.task || run.run_id || 'sanctum-exporter'}`;
  }

  tick() {
    this.head.tick();
  }
}

// --- Many runs ---

class RunsView {
  constructor() {
    this.rows = new Rows(document.querySelector('.runs tbody'), 'row');
    this.body = this.rows.container;
    this.form = $('filters');
    this.form.hidden = false;
    this.chips = this.form.querySelector('.chips');
    this.#recall();
    this.#build();
  }

  write({ runs }) {
    this.runs = runs;
    this.parts = this.rows.write(runs, (run) => run.run);
    announce(runs, (run) => run.run);
    const troubled = runs.filter((run) => ['warning', 'critical'].includes(run.severity)).length;
    document.title = `${troubled ? `${troubled} in trouble · ` : ''}${runs.length} runs · sanctum-exporter`;
    this.#show();
  }

  tick() {
    this.parts?.filter((part) => !part.root.hidden).forEach((part) => part.tick());
  }

  #build() {
    this.form.addEventListener('submit', (event) => event.preventDefault());
    this.form.filter.value = this.text;
    this.form.filter.addEventListener('input', () => this.#choose({ text: this.form.filter.value }));
    this.buttons = new Map(['', ...STATES].map((state) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.dataset.state = state;
      button.append(state || 'all', ' ', document.createElement('b'));
      button.addEventListener('click', () => this.#choose({ state }));
      this.chips.append(button);
      return [state, button];
    }));
    this.headers = [...document.querySelectorAll('.runs thead th')];
    for (const header of this.headers) {
      const button = document.createElement('button');
      button.type = 'button';
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener('click', () => this.#sort(header.dataset.key));
    }
    // Rows keep their places under a pointer or a finger that is about to choose one.
    this.body.addEventListener('pointerleave', () => this.parts && this.#show());
  }

  #sort(key) {
    // Each click goes one on: down, up, and back to the newest first.
    const steps = [[key, -1], [key, 1], ['', -1]];
    const at = steps.findIndex(([name, way]) => name === this.key && way === this.way);
    const [next, way] = steps[(at + 1) % steps.length];
    this.#choose({ key: next, way });
  }

  #choose(choice) {
    Object.assign(this, choice);
    const kept = { filter: this.text, state: this.state, sort: this.key && `${this.key} ${this.way}` };
    const said = new URLSearchParams(Object.entries(kept).filter(([, value]) => value)).toString();
    history.replaceState(null, '', said ? `#${said}` : location.pathname + location.search);
    this.#show(true);
  }

  #recall() {
    const kept = new URLSearchParams(location.hash.slice(1));
    this.text = kept.get('filter') ?? '';
    this.state = kept.get('state') ?? '';
    const [key, way] = (kept.get('sort') ?? ' -1').split(' ');
    Object.assign(this, { key, way: Number(way) });
  }

  #show(now = false) {
    if (!this.parts) return;
    const words = this.text.toLowerCase().split(/\s+/).filter(Boolean);
    const matching = this.parts.filter(({ data: run }) => {
      const text = `${run.run} ${run.task} ${run.run_id} ${run.reward_mode}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    const shown = new Set(matching.filter(({ data }) => !this.state || data.state === this.state));
    for (const part of this.parts) {
      const hidden = !shown.has(part);
      if (part.root.hidden !== hidden) part.root.hidden = hidden;
    }
    for (const [state, button] of this.buttons) {
      const count = matching.filter(({ data }) => !state || data.state === state).length;
      button.querySelector('b').textContent = FORMATS.number(count);
      button.setAttribute('aria-pressed', String(state === this.state));
      button.hidden = Boolean(state) && !count && state !== this.state;
    }
    const all = FORMATS.number(this.parts.length);
    const said = shown.size === this.parts.length ? '' : `${FORMATS.number(shown.size)} of ${all} shown`;
    // What is written again is read out again.
    if (this.form.shown.textContent !== said) this.form.shown.textContent = said;
    for (const header of this.headers) {
      if (header.dataset.key === this.key) header.ariaSort = this.way > 0 ? 'ascending' : 'descending';
      else header.removeAttribute('aria-sort');
    }
    if (now || !this.body.matches(':hover, :focus-within')) this.rows.arrange(this.#sorted());
    else this.body.append(...this.parts.map((part) => part.root).filter((root) => !root.isConnected));
    this.tick();
  }

  #sorted() {
    if (!this.key) return this.parts;
    const value = ({ data }) => data[this.key] ?? -1;
    const order = (one, other) => (one < other ? -1 : Number(one > other));
    return [...this.parts].sort((one, other) => this.way * order(value(one), value(other)));
  }
}

// --- What a screen reader is told ---

const states = new Map();

function announce(items, name) {
  const said = [];
  for (const item of items) {
    const key = name(item);
    const before = states.get(key);
    states.set(key, item.state);
    if (before !== undefined && before !== item.state) said.push(`${key}: ${item.state}, ${item.detail}`);
  }
  if (!said.length) return;
  const more = said.length - MOST_ANNOUNCED;
  $('announcer').textContent = said.slice(0, MOST_ANNOUNCED).join('. ') + (more > 0 ? `, and ${more} more` : '');
}

// --- Asking ---

const SHOWN = ['empty', 'missing', 'runs', 'run'];
const notReady = new Part($('not-ready'));
let single = wanted !== null || $('main').dataset.shown === 'run';
const views = {};
let known = {}; // which address answered last, and the name of what it said
let asking = false;
let answeredAt = Date.now();
let failures = 0;
let timer;

function show(name) {
  $('main').dataset.shown = name;
  for (const section of SHOWN) $(section).hidden = section !== name;
}

function view(name, Kind) {
  return (views[name] ??= new Kind());
}

// Returns whether another document is to be asked for at once.
function take(answer) {
  clockOffset = answer.now - Date.now() / 1000;
  $('not-ready').hidden = !answer.exporter.not_ready;
  notReady.write(answer.exporter);
  const { groups, runs } = answer;
  if (wanted === null) {
    const only = groups ? runs === 1 : runs.length === 1;
    if (only !== single) {
      single = only;
      return true;
    }
  }
  if (groups) {
    show('run');
    view('run', RunView).write(answer);
  } else {
    show(runs.length ? 'runs' : 'empty');
    view('runs', RunsView).write(answer);
  }
  return false;
}

// Returns the document, null where there is nothing new.
async function ask() {
  const run = wanted === null ? '' : `?run=${encodeURIComponent(wanted)}`;
  const address = single ? `api/v1/run${run}` : 'api/v1/runs';
  const response = await fetch(address, {
    cache: 'no-store',
    headers: known.address === address ? { 'If-None-Match': known.etag } : {},
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status === 304) return null;
  if (response.status === 404 && single) {
    if (wanted === null) single = false;
    else show('missing');
    known = {};
    return null;
  }
  if (!response.ok) throw new Error(`answered ${response.status}`);
  const answer = await response.json();
  known = { address, etag: response.headers.get('ETag') };
  return answer;
}

async function poll() {
  clearTimeout(timer);
  if (document.hidden || asking) return;
  asking = true;
  let answer = null;
  try {
    answer = await ask();
    answered();
  } catch {
    failed();
  } finally {
    asking = false;
  }
  const again = answer !== null && take(answer);
  const usual = single ? POLL_RUN_MS : POLL_RUNS_MS;
  const pause = failures ? Math.min(LONGEST_PAUSE_MS, POLL_RUN_MS * 2 ** (failures - 1)) : usual;
  timer = setTimeout(poll, again ? 0 : pause);
}

function answered() {
  answeredAt = Date.now();
  if (failures || $('connection').textContent === '') connection('live', 'live');
  failures = 0;
}

function failed() {
  failures += 1;
  connection('lost', `no answer since ${clock(answeredAt)}, trying again`);
}

function connection(state, text) {
  document.documentElement.dataset.connection = state;
  $('connection').textContent = text;
}

function tick() {
  if (!document.hidden) Object.values(views).forEach((shown) => shown.tick());
}

$('connection').replaceChildren();
document.addEventListener('visibilitychange', poll);
setInterval(tick, 1000);
poll();
