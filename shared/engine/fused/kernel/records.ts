/**
 * What the host tells the kernel about a model: records of u32 words in linear memory, their fields in this order
 * (../layout.ts writes them). Unless they say otherwise they are addresses.
 *
 * Every vector and every row of a matrix fills whole v128 lanes: a “width” is a number of floats rounded up to a
 * multiple of four, and the floats beyond the true count (`dim`, `hidden`, `inputs`, `outputs`) are zero and stay so.
 * Where rows are multiplied they too come in fours. Nothing here is freed: the whole memory goes with its model.
 */

@unmanaged
export class Model {
  /** Rows of input side by side: ids, dense values, labels, and each row's share of the loss, w / Σw. */
  ids: usize
  idWidth: usize
  dense: usize
  denseWidth: usize
  labels: usize
  shares: usize
  /** [rows]: logits, then their derivative; and what `predict` answers. */
  logits: usize
  probabilities: usize
  /** Concatenation of the parts, [rows, xWidth]; its derivative is [rows, ⌈inputs⌉]. */
  x: usize
  xWidth: usize
  dx: usize
  dxWidth: usize
  /** Linked lists of records; 0 ends them. Layers also backwards. */
  tables: usize
  parts: usize
  layers: usize
  lastLayer: usize
  /** What the output reads: the last layer's activations or x, `topWidth` of each row's `topStride` floats. */
  top: usize
  topStride: usize
  topWidth: usize
  dTop: usize
  outW: usize
  outB: usize
  /** From a parameter to its gradient, first and second moment and the value it is pulled to, in bytes; 0: none kept. */
  toGradient: usize
  toFirst: usize
  toSecond: usize
  toStart: usize
  /** Parameters outside the embeddings: these `others` floats, of which the first `trained` are not frozen. */
  other: usize
  others: usize
  trained: usize
  /** ADAM, SGD or ADAGRAD. */
  optimizer: usize
  /** 1 while frozen parameters need no gradient; the kernel's own. */
  sparing: usize
  /** As many zeros as the widest row. */
  zeros: usize
}

export const ADAM: usize = 0
export const SGD: usize = 1
export const ADAGRAD: usize = 2

/** An embedding table, its rows `width` floats apart. */
@unmanaged
export class Table {
  next: usize
  parameters: usize
  rows: usize
  width: usize
  /** One byte a row: 1 if this batch has given it a gradient. A list is its length, then row numbers. */
  flags: usize
  touched: usize
  /** Rows that move without a gradient too, and each row's last gradient (see optimizer.ts). */
  moving: usize
  last: usize
  /** 0 if it is frozen. */
  trained: usize
}

export const LOOKUP: usize = 0
export const POOL: usize = 1
export const ATTEND: usize = 2
export const DENSE: usize = 3

/** One input of the model: writes `dim` floats of every row of x from `to` on. */
@unmanaged
export class Part {
  next: usize
  kind: usize
  /** Of its ids (or dense values) in a row of input. */
  at: usize
  length: usize
  to: usize
  dim: usize
  table: usize
  unit: usize
  /** [rows]: ids of the row that are not padding. */
  counts: usize
  /** A row of zeros, to hold a share of dx. */
  share: usize
  /** 0 if its table and all of its unit are frozen. */
  trained: usize
}

/** An activation unit; see attend.ts. `rows` are those of a batch, `keys` the longest history rounded up to fours. */
@unmanaged
export class Unit {
  /** Of the query in a row's ids. */
  query: usize
  hidden: usize
  hiddenWidth: usize
  keys: usize
  /** Parameters: four blocks [⌈dim⌉, hiddenWidth] for q, k, q−k, q∗k; [hiddenWidth]; one float. */
  w1: usize
  b1: usize
  slope: usize
  w2: usize
  b2: usize
  /** For each row of the batch: keys' ids, embeddings, hidden values before the PReLU, scores. */
  keyIds: usize
  keyRows: usize
  before: usize
  scores: usize
  /** [rows, width], [rows, hiddenWidth], [rows, hiddenWidth], [rows, width] */
  queries: usize
  bases: usize
  bends: usize
  dQueries: usize
  /** Made once a batch: Wq + Wd and Wk − Wd; w2·(slope − 1); the three linear vectors, side by side, and their constant. */
  queryWeights: usize
  keyWeights: usize
  bend: usize
  linear: usize
  linearBase: usize
  /** The same matrices and Wp, transposed and times `bend`: [hidden, width]. */
  queryTurned: usize
  keyTurned: usize
  productTurned: usize
  /** Σ over the batch of dScore·q, dScore·k and dScore·k∗q, side by side. */
  sums: usize
  /** One row's M, its transpose, its derivative, linear key weights, Σ dScore·k, and its keys' derivatives. */
  matrix: usize
  turned: usize
  dMatrix: usize
  keyLinear: usize
  keySum: usize
  dKeys: usize
}

/** A fully connected layer with PReLU or, if it has `gates`, Dice; `rows` are all those that are learnt from together. */
@unmanaged
export class Layer {
  next: usize
  previous: usize
  input: usize
  inputStride: usize
  inputs: usize
  inputWidth: usize
  dInput: usize
  outputs: usize
  width: usize
  w: usize
  b: usize
  slope: usize
  /** [rows, width] */
  before: usize
  after: usize
  dAfter: usize
  /** w transposed: [outputs, inputWidth]. */
  turned: usize
  /** Of Dice, [rows, width]: p of each unit. */
  gates: usize
  /** Of Dice, [width]: parameters, and what the last rows learnt from had. */
  runningMean: usize
  runningVariance: usize
  mean: usize
  variance: usize
  /** 0 if all of it is frozen; 0 if everything below it is. */
  trained: usize
  below: usize
}
