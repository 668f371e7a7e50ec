/**
 * The activation unit, with its algebra used: its first layer is linear in [q, k, q−k, q∗k], so with W1 split in four
 * blocks of `dim` rows, Wq Wk Wd Wp, and one query q per row of the batch,
 *
 *   [q, k, q−k, q∗k]·W1 + b1 = base + k·M,   base = q·(Wq + Wd) + b1,   M = (Wk − Wd) + diag(q)·Wp.
 *
 * `base` and M are made once per row; then a key costs dim × H multiply-adds instead of 4·dim × H.
 */
import { type AttendAt, X } from './layout.ts'
import { each, parameter, recorded, traced } from './text.ts'

/** Which rows of W1 are whose. */
const [Q, K, D, P] = [0, 1, 2, 3] as const

const w1 = ({ unit, dim, hidden }: AttendAt, block: number, index: string) =>
  parameter(unit.w1 + block * dim * hidden, index)

const keys = ({ count }: AttendAt) => recorded(count)

/** Where in `parameters` key `l` lies. */
const keyAt = ({ parameters, ids, dim }: AttendAt, l: string) =>
  `${parameters}u + ${recorded(ids, l)} * ${dim}u`

/** Base and M · a lane for each key: its unit · Σ score·k in slices · the slices' sum. */
export function attendForward(part: AttendAt): string[] {
  const { dim, hidden, slices, trace, unit, to } = part
  const q = `let q = ${part.parameters}u + ${recorded(part.query)} * ${dim}u;`
  const fold = `{ ${q}
  ${each(dim, `${traced(trace.query, 'i')} = parameters[q + i];`)}
  ${each(dim * hidden, `${traced(trace.matrix, 'i')} = ${w1(part, K, 'i')} - ${w1(part, D, 'i')} + parameters[q + i / ${hidden}u] * ${w1(part, P, 'i')};`)}
  ${each(
    hidden,
    `var sum = ${parameter(unit.b1, 'i')};
    for (var c = 0u; c < ${dim}u; c++) {
      let w = c * ${hidden}u + i;
      sum += parameters[q + c] * (${w1(part, Q, 'w')} + ${w1(part, D, 'w')});
    }
    ${traced(trace.base, 'i')} = sum;`,
  )} }`
  const score = each(
    keys(part),
    `let start = ${keyAt(part, 'i')};
    var key: array<f32, ${dim}>;
    for (var c = 0u; c < ${dim}u; c++) { key[c] = parameters[start + c]; }
    var score = ${parameter(unit.b2)};
    for (var j = 0u; j < ${hidden}u; j++) {
      var z = ${traced(trace.base, 'j')};
      for (var c = 0u; c < ${dim}u; c++) { z += key[c] * ${traced(trace.matrix, `c * ${hidden}u + j`)}; }
      ${traced(trace.before, `i * ${hidden}u + j`)} = z;
      score += ${parameter(unit.w2, 'j')} * select(z * ${parameter(unit.slope, 'j')}, z, z > 0.0);
    }
    ${traced(trace.scores, 'i')} = score;`,
  )
  const partial = each(
    slices * dim,
    `var sum = 0.0;
    for (var l = i / ${dim}u; l < ${keys(part)}; l += ${slices}u) {
      sum += ${traced(trace.scores, 'l')} * parameters[${keyAt(part, 'l')} + i % ${dim}u];
    }
    ${traced(trace.partial, 'i')} = sum;`,
  )
  const attended = each(
    dim,
    `var sum = 0.0;
    for (var s = 0u; s < ${slices}u; s++) { sum += ${traced(trace.partial, `s * ${dim}u + i`)}; }
    ${traced(X + to, 'i')} = sum;`,
  )
  return [fold, score, partial, attended]
}

/** A lane for each key: what its score and its embedding get · all sums over keys · what the query gets. */
export function attendBack(part: AttendAt, dx: number): string[] {
  const { dim, hidden, trace, to } = part
  const perKey = each(
    keys(part),
    `let start = ${keyAt(part, 'i')};
    let score = ${traced(trace.scores, 'i')};
    var dScore = 0.0;
    var dKey: array<f32, ${dim}>;
    for (var c = 0u; c < ${dim}u; c++) {
      let d = ${traced(dx + to, 'c')};
      dScore += parameters[start + c] * d;
      dKey[c] = score * d;
    }
    ${traced(trace.dScores, 'i')} = dScore;
    for (var j = 0u; j < ${hidden}u; j++) {
      let d = dScore * ${gate(part, 'i', 'j')};
      for (var c = 0u; c < ${dim}u; c++) { dKey[c] += ${traced(trace.matrix, `c * ${hidden}u + j`)} * d; }
    }
    for (var c = 0u; c < ${dim}u; c++) { ${traced(trace.dKeys, `i * ${dim}u + c`)} = dKey[c]; }`,
  )
  const query = each(
    dim,
    `var sum = 0.0;
    for (var j = 0u; j < ${hidden}u; j++) {
      let w = i * ${hidden}u + j;
      sum += ${traced(trace.sums, 'w')} * ${w1(part, P, 'w')};
      sum += ${traced(trace.sums, `${dim * hidden}u + j`)} * (${w1(part, Q, 'w')} + ${w1(part, D, 'w')});
    }
    ${traced(trace.dQuery, 'i')} = sum;`,
  )
  return [perKey, sums(part), query]
}

/** dScore by the PReLU's input j of key l. */
const gate = ({ unit, hidden, trace }: AttendAt, l: string, j: string) =>
  `${parameter(unit.w2, j)} * select(${parameter(unit.slope, j)}, 1.0, ${traced(trace.before, `${l} * ${hidden}u + ${j}`)} > 0.0)`

/** dMatrix, dBase, dW2, dSlope and dB2, a lane for each number, summed over the keys in their order. */
function sums(part: AttendAt): string {
  const { dim, hidden, unit, trace } = part
  return each(
    (dim + 3) * hidden + 1,
    `let kind = i / ${hidden}u;
    let j = i % ${hidden}u;
    var sum = 0.0;
    for (var l = 0u; l < ${keys(part)}; l++) {
      let dScore = ${traced(trace.dScores, 'l')};
      let z = ${traced(trace.before, `l * ${hidden}u + j`)};
      if (kind < ${dim}u) { sum += dScore * ${gate(part, 'l', 'j')} * parameters[${keyAt(part, 'l')} + kind]; }
      else if (kind == ${dim}u) { sum += dScore * ${gate(part, 'l', 'j')}; }
      else if (kind == ${dim + 1}u) { sum += dScore * select(z * ${parameter(unit.slope, 'j')}, z, z > 0.0); }
      else if (kind == ${dim + 2}u) { sum += dScore * ${parameter(unit.w2, 'j')} * min(z, 0.0); }
      else { sum += dScore; }
    }
    ${traced(trace.sums, 'i')} = sum;`,
  )
}
