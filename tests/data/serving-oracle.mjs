#!/usr/bin/env node
// Asks NocoBase's own published code what it serves, for thousands of WORKER_MODE values, and writes the answers down.
// The unit tests of src/worker_mode hold the C++ parser to every one of them.
//
//   node serving-oracle.mjs [OUT]      rewrite OUT (default: serving-oracle.jsonl beside this file)
//   node serving-oracle.mjs --check    exit 1 if the file would change
//
// One line for each value: [value, isTransient(), [keys served], [keys refused]]. A value of null is a variable that is not
// set, a key of null is a call without an argument. Needs npm (to download the package) and tar.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SPEC = '@nocobase/server@2.2.15';
const MEMBER = 'package/lib/worker-mode.js'; // it imports nothing, so that it loads without the rest
const MEMBER_SHA256 = '31e8ea817b37d4af07a2dd19ae21e2c0d50a9598041affa41806fcff112545da';

const WORKFLOW = 'workflow:process';
const TASKS = 'async-task:process';

/** The upstream module, and the file it was loaded from. */
function loadUpstream(folder) {
  execFileSync('npm', ['pack', SPEC, '--silent', '--pack-destination', folder], { cwd: folder });
  const [archive] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  execFileSync('tar', ['-xzf', archive, MEMBER], { cwd: folder });
  const file = join(folder, MEMBER);
  assert.equal(createHash('sha256').update(readFileSync(file)).digest('hex'), MEMBER_SHA256, `${MEMBER} is not the pinned one`);
  return { file, ...createRequire(import.meta.url)(file) };
}

/** Numbers in [0, 1), the same ones in every run (mulberry32). */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Collects which keys are to be asked of which value. */
class Questions {
  #byValue = new Map();

  ask(value, keys) {
    const asked = this.#byValue.get(value) ?? new Set();
    for (const key of keys) asked.add(key);
    this.#byValue.set(value, asked);
  }

  [Symbol.iterator]() {
    return this.#byValue.entries();
  }
}

const MANY_KEYS = [null, '', WORKFLOW, TASKS, 'a', 'b', 'unknown:job', '!', '*', '-', ' ', ' a', 'a ', `${WORKFLOW} `,
  ` ${WORKFLOW}`, 'WORKFLOW:PROCESS', 'workflow', 'process', ',', '\t', 'é', '工作流', '𝒲', '!,a', 'undefined', 'null', '0'];
const FEW_KEYS = [null, '', WORKFLOW, TASKS, 'a', 'unknown:job'];

/** Values that the documentation gives, that people have been seen to write, and that look like them. */
function askWrittenByHand(questions) {
  const documented = [null, '', '!', '*', '-', WORKFLOW, TASKS, `${WORKFLOW},${TASKS}`, `${TASKS},${WORKFLOW}`, `!,${WORKFLOW}`,
    `${WORKFLOW},!`, `!,${TASKS}`, `!,${WORKFLOW},${TASKS}`];
  const signs = [' * ', '!,*', '*,!', 'a,!', '!,a', ' ', ',', '! ', ' !', `${WORKFLOW} , !`, `*,${WORKFLOW}`, `${WORKFLOW},*`, '**',
    '-,!', '!,-', '!-', '--', ' -', '- ', '-,', ',-', '*,', ',*', '!,', ',!', ',,', ', ,', '!!', '!*', '*!', `!${WORKFLOW}`];
  const blanks = [`! ,${WORKFLOW}`, `!, ${WORKFLOW}`, ` !,${WORKFLOW} `, '\t!\n', '\n', '!\n', '*\n', '-\n', `${WORKFLOW}\n`,
    `${WORKFLOW}\r\n`, '! a', 'a b', 'a, b', 'a ,b'];
  const quotesAndWords = ['"!"', "'!'", '"*"', '""', "''", '!;a', '!|a', 'a;b', 'true', 'false', 'null', 'undefined', '0'];
  const spelling = ['WORKFLOW:PROCESS', 'Workflow:Process', 'workflow', 'workflow:*', '*:process', 'workflow：process', '！', '＊', '，',
    '!，a', '－', '—', '−', 'a,a', 'a,,b', 'é', 'e\u0301', '工作流', '𝒲', '𝒲,!'];
  for (const value of [...documented, ...signs, ...blanks, ...quotesAndWords, ...spelling]) questions.ask(value, MANY_KEYS);
}

/** Every character that some language or other takes for white space, in every place around the words that matter. */
function askBlanks(questions) {
  const blanks = '\t\n\v\f\r \u0085\u00a0\u1680\u180e\u2000\u2003\u2007\u200a\u200b\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff';
  for (const blank of blanks) {
    for (const word of ['!', '*', '-', WORKFLOW, `!,${WORKFLOW}`, `${WORKFLOW},!`, '']) {
      const values = [blank + word, word + blank, blank + word + blank, word.replace(',', `${blank},`), word.replace(',', `,${blank}`)];
      for (const value of values) questions.ask(value, [null, WORKFLOW, 'a', blank, word]);
    }
  }
}

/** Every string of one to four of the characters that mean something. */
function askShortStrings(questions) {
  let strings = [''];
  for (let length = 1; length <= 4; length++) {
    strings = strings.flatMap((start) => ['!', '*', '-', ',', ' ', '\t', 'a'].map((next) => start + next));
    for (const value of strings) questions.ask(value, [null, 'a', length < 4 ? WORKFLOW : 'b']);
  }
}

/** Lists put together by chance. */
function askRandomLists(questions, count) {
  const random = randomNumbers(0x6e6f636f);
  const oneOf = (list) => list[Math.floor(random() * list.length)];
  const words = ['!', '*', '-', '', ' ', '\t', 'a', 'b', WORKFLOW, TASKS, ` ${WORKFLOW}`, `${WORKFLOW} `, ' !', '! ', ' * ', '*', 'é',
    '工作流', '\u00a0!', '!\ufeff', 'x:y', `!${WORKFLOW}`, 'workflow'];
  for (let i = 0; i < count; i++) {
    const list = Array.from({ length: 1 + Math.floor(random() * 6) }, () => oneOf(words));
    const separator = random() < 0.85 ? ',' : oneOf([' ', ', ', ' ,', ';', '']);
    questions.ask(list.join(separator), [null, WORKFLOW, oneOf(MANY_KEYS), oneOf(words)]);
  }
}

/** Long ones; Linux allows 131,071 bytes. */
function askLongValues(questions) {
  const numbered = (count, name) => Array.from({ length: count }, (_, i) => name(i));
  questions.ask(numbered(2000, (i) => `svc${i}:process`).join(','),
    [null, WORKFLOW, 'svc0:process', 'svc1999:process', 'svc2000:process', 'svc1']);
  questions.ask([...numbered(1000, (i) => `s${i}`), '!', WORKFLOW].join(','), [null, WORKFLOW, 's999', 'unknown:job']);
  questions.ask(','.repeat(5000), [null, '', WORKFLOW, ',']);
  questions.ask(`${' '.repeat(5000)}!`, [null, WORKFLOW]);
  questions.ask(`${' '.repeat(5000)}*`, [null, WORKFLOW]);
  questions.ask('x'.repeat(20000), [null, WORKFLOW, 'x', 'x'.repeat(20000)]);
  for (const value of ['*'.repeat(3000), '!'.repeat(3000), '!,'.repeat(3000) + WORKFLOW]) questions.ask(value, FEW_KEYS);
}

function answer(upstream, value, keys) {
  if (value === null) delete process.env.WORKER_MODE;
  else process.env.WORKER_MODE = value;
  assert.equal(process.env.WORKER_MODE ?? null, value, 'the environment kept the value');
  const served = [];
  const refused = [];
  for (const key of keys) (upstream.serving(...(key === null ? [] : [key])) ? served : refused).push(key);
  return [value, upstream.isTransient(), served, refused];
}

/** The same question to a fresh process with a real environment, to show that assigning to process.env changes nothing. */
function assertSameInFreshProcess(upstream, [value, transient, served, refused]) {
  const { WORKER_MODE: _, ...rest } = process.env;
  const code = `const u = require(${JSON.stringify(upstream.file)});
    const keys = JSON.parse(process.argv[1]);
    const ask = (key) => (key === null ? u.serving() : u.serving(key));
    console.log(JSON.stringify([u.isTransient(), keys.filter(ask), keys.filter((key) => !ask(key))]));`;
  const env = value === null ? rest : { ...rest, WORKER_MODE: value };
  const told = execFileSync(process.execPath, ['-e', code, JSON.stringify([...served, ...refused])], { env });
  assert.deepEqual(JSON.parse(told), [transient, served, refused]);
}

// ASCII only: some line readers also split at U+0085 and U+2028.
const toLine = (row) =>
  JSON.stringify(row).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

const argument = process.argv[2];
const file = !argument || argument === '--check' ? join(dirname(fileURLToPath(import.meta.url)), 'serving-oracle.jsonl') : argument;
const folder = mkdtempSync(join(tmpdir(), 'serving-oracle-'));
try {
  const upstream = loadUpstream(folder);
  const questions = new Questions();
  askWrittenByHand(questions);
  askBlanks(questions);
  askShortStrings(questions);
  askRandomLists(questions, 1500);
  askLongValues(questions);

  const rows = [...questions].map(([value, keys]) => answer(upstream, value, keys));
  rows.filter((_, i) => i % 40 === 0).forEach((row) => assertSameInFreshProcess(upstream, row));
  const text = rows.map((row) => `${toLine(row)}\n`).join('');
  const answers = rows.reduce((sum, [, , served, refused]) => sum + served.length + refused.length, 0);
  console.log(`${SPEC}: ${rows.length} values, ${answers} answers`);
  if (argument === '--check') assert.ok(readFileSync(file, 'utf8') === text, `${file} is not what upstream says`);
  else writeFileSync(file, text);
} finally {
  rmSync(folder, { recursive: true });
}
