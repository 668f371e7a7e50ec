/**
 * Calls across a port, from a page to its worker or from that to another: `serveCalls` and `connectCalls` are the two ends.
 * A contract says what may be called and what may be said; each end parses all that it hears, once.
 */
import * as z from 'zod'
import { type Command, createCaller, type Message, type Port } from './caller.ts'
import { AppError, type FailureCode, failureSchema, parse, toFailure } from './failure.ts'

export type { Port } from './caller.ts'

export interface Contract {
  /** Who serves, as failures name it. */
  readonly server: string
  /** Ends of different versions do not talk to each other. */
  readonly version: number
  readonly calls: Readonly<Record<string, { readonly input: z.ZodType; readonly output: z.ZodType }>>
  /** What the server says of its own accord, or of a call that is under way. */
  readonly news: z.ZodType
  /** What the server is told without a call. */
  readonly hints: z.ZodType
}
type Name<C extends Contract> = keyof C['calls'] & string
export type Input<C extends Contract, N extends Name<C>> = z.infer<C['calls'][N]['input']>
export type Output<C extends Contract, N extends Name<C>> = z.infer<C['calls'][N]['output']>
type News<C extends Contract> = z.infer<C['news']>
type Hint<C extends Contract> = z.infer<C['hints']>

/** Stops a call, and hears of it while it is under way. */
interface Watching<C extends Contract> {
  readonly signal?: AbortSignal | undefined
  readonly onNews?: ((news: News<C>) => void) | undefined
}
export type Answering<C extends Contract> = {
  [N in Name<C>]: (
    input: Input<C, N>,
    call: { signal: AbortSignal; tell: (news: News<C>) => void },
  ) => Promise<Output<C, N>>
}

const id = z.int().positive()
const commandSchema: z.ZodType<Command> = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('call'), id, name: z.string(), input: z.unknown() }),
  z.strictObject({ type: z.literal('cancel'), id }),
  z.strictObject({ type: z.literal('hint'), hint: z.unknown() }),
])

const messageSchema: z.ZodType<Message> = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready'), version: z.int() }),
  z.strictObject({ type: z.literal('news'), id: id.nullable(), news: z.unknown() }),
  z.strictObject({ type: z.literal('done'), id, output: z.unknown() }),
  z.strictObject({ type: z.literal('failed'), id, failure: failureSchema }),
])

/**
 * Answers the calls that arrive at `port`; gives the way to say news of no call. What is thrown and is no `AppError` is told
 * with the code `fallback`.
 */
export function serveCalls<C extends Contract>(
  port: Port,
  contract: C,
  answers: Answering<C>,
  {
    fallback = 'worker',
    onHint,
  }: { fallback?: FailureCode; onHint?: ((hint: Hint<C>) => void) | undefined } = {},
): (news: News<C>) => void {
  const send = (message: Message) => port.postMessage(message)
  const open = new Map<number, AbortController>()

  async function answer({ id, name, input }: Extract<Command, { type: 'call' }>): Promise<void> {
    const abort = new AbortController()
    open.set(id, abort)
    try {
      const call = contract.calls[name]
      if (!call) throw new AppError('bad-input', `There is no call ${name}.`)
      const checked = parse(call.input, input, `Call ${name}`)
      const tell = (news: News<C>) => send({ type: 'news', id, news })
      const output = await answers[name as Name<C>](checked as never, { signal: abort.signal, tell })
      send({ type: 'done', id, output })
    } catch (error) {
      send({ type: 'failed', id, failure: toFailure(error, fallback) })
    } finally {
      open.delete(id)
    }
  }

  port.addEventListener('message', (event) => {
    const command = commandSchema.safeParse((event as MessageEvent).data)
    if (!command.success) return // not ours, or a newer page's: it waits for an answer to no call of ours
    const said = command.data
    if (said.type === 'call') void answer(said)
    else if (said.type === 'cancel') open.get(said.id)?.abort(new AppError('cancelled', 'Stopped.'))
    else onHint?.(parse(contract.hints, said.hint, 'Hint') as Hint<C>)
  })
  send({ type: 'ready', version: contract.version })
  return (news) => send({ type: 'news', id: null, news })
}

export interface Client<C extends Contract> {
  call<N extends Name<C>>(name: N, input: Input<C, N>, watching?: Watching<C>): Promise<Output<C, N>>
  hint(hint: Hint<C>): void
  /** Fails every call still open and to come. */
  end(why: AppError): void
}

/**
 * The other end of `port`. A server that dies, is of another version or cannot be understood fails every call still open and
 * to come; `onEnd` hears of it, once.
 */
export function connectCalls<C extends Contract>(
  port: Port,
  { server, version, calls, news }: C,
  { onNews, onEnd }: { onNews?: (news: News<C>) => void; onEnd?: (why: AppError) => void } = {},
): Client<C> {
  return createCaller(port, {
    server,
    version,
    hearing: {
      message: (data) => parse(messageSchema, data, `Message from the ${server}`),
      output: (name, output) => parse(calls[name]!.output, output, `Answer to ${name}`),
      news: (said) => parse(news, said, `News from the ${server}`),
    },
    onNews: onNews as ((news: unknown) => void) | undefined,
    onEnd,
  }) as Client<C>
}
