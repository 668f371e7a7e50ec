/** Every change goes this way: tried, shown with its numbers, given a reason, confirmed. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { type Trial, taskVersionSchema, trialSchema } from '../../shared/admin.ts'
import { type Failure, toFailure } from '../../shared/error.ts'
import { entrySchema, type Order } from '../../shared/release/changes.ts'
import { moment } from '../phrases.ts'
import type { Ask } from './ask.ts'
import type { Proposal } from './here.ts'
import { Field, Problem, typed } from './parts.tsx'
import { t } from './words/index.ts'

/** What an order would do now, and at its last stage. */
interface Tried {
  readonly now: Trial
  readonly later: { readonly trial: Trial; readonly at: number } | null
}

export type ProposalState =
  | { step: 'none' }
  | { step: 'trying' }
  | { step: 'asking'; proposal: Proposal; tried: Tried | null; failure: Failure | null }
  | { step: 'doing'; proposal: Proposal; tried: Tried | null; failure: null }
  | { step: 'done'; said: string }

/** The last of its moments that is still to come. */
export function lastStage(order: Order): number | undefined {
  return 'stages' in order ? order.stages.at(-1)?.at : undefined
}

export async function tryOrder(ask: Ask, order: Order): Promise<Tried> {
  const now = await ask(trialSchema, '/releases/dry-run', { order })
  const at = order.type === 'experiment' ? order.from : lastStage(order)
  if (at === undefined) return { now, later: null }
  return { now, later: { trial: await ask(trialSchema, '/releases/dry-run', { order, at }), at } }
}

/** One proposal at a time. `answer`: the reason of who says yes; null of who does not. */
export function useProposals(ask: Ask, who: string) {
  const [state, setState] = useState<ProposalState>({ step: 'none' })
  const [changes, setChanges] = useState(0)
  const newest = useRef(0)

  async function propose(proposal: Proposal): Promise<void> {
    const number = ++newest.current
    const { change } = proposal
    setState({ step: 'trying' })
    const next: ProposalState = await ('order' in change
      ? tryOrder(ask, change.order)
      : Promise.resolve(null)
    ).then(
      (tried) => ({ step: 'asking', proposal, tried, failure: null }),
      (error) => ({ step: 'asking', proposal, tried: null, failure: toFailure(error) }),
    )
    if (number === newest.current) setState(next)
  }

  async function answer(why: string | null): Promise<void> {
    if (state.step !== 'asking') return
    if (why === null) return setState({ step: 'none' })
    const { proposal, tried } = state
    setState({ step: 'doing', proposal, tried, failure: null })
    try {
      const said = await carryOut(ask, proposal, { who, why })
      setState({ step: 'done', said })
      setChanges((changes) => changes + 1)
      proposal.done?.()
    } catch (error) {
      setState({ step: 'asking', proposal, tried, failure: toFailure(error) })
    }
  }
  /** What was done last need not be said any more. */
  const forget = () => setState((state) => (state.step === 'done' ? { step: 'none' } : state))
  return { state, propose: (proposal: Proposal) => void propose(proposal), answer, changes, forget }
}

async function carryOut(ask: Ask, { change }: Proposal, by: { who: string; why: string }): Promise<string> {
  if ('order' in change) {
    const { n } = await ask(entrySchema, '/releases', { order: change.order, ...by })
    return t.ask.done(n)
  }
  await ask(taskVersionSchema, change.path, { ...change.body, ...by })
  return t.ask.noted
}

/** What was done last. The focus goes there: what it was on before may be gone. */
export function Said({ state }: { state: ProposalState }) {
  const line = useRef<HTMLParagraphElement>(null)
  const said = state.step === 'done' ? state.said : null
  useEffect(() => {
    if (said !== null) line.current?.focus()
  }, [said])
  return (
    <div role="status">
      {said !== null && (
        <p ref={line} tabIndex={-1} class="notice" data-testid="said">
          {said}
        </p>
      )}
      {state.step === 'trying' && <p class="sr-only">{t.loading}</p>}
    </div>
  )
}

interface DialogProps {
  state: ProposalState
  answer: (why: string | null) => Promise<void>
}

export function ProposalDialog({ state, answer }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const yes = useRef<HTMLButtonElement>(null)
  const reason = useRef<HTMLInputElement>(null)
  const [why, setWhy] = useState('')
  const open = state.step === 'asking' || state.step === 'doing'
  const proposal = open ? state.proposal : null

  // Before the effect of `Said`, which takes the focus on: closing gives it back to where it was.
  useLayoutEffect(() => {
    if (!proposal) return dialog.current?.close()
    setWhy(proposal.why ?? '')
    dialog.current?.showModal()
    if (proposal.why === undefined) reason.current?.focus()
    else yes.current?.focus()
  }, [proposal])

  return (
    <dialog
      ref={dialog}
      class="ask"
      aria-labelledby="ask-title"
      onCancel={(event) => state.step === 'doing' && event.preventDefault()}
      onClose={() => void answer(null)}
    >
      {open && (
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault()
            if (why.trim() !== '') void answer(why.trim())
          }}
        >
          <h2 id="ask-title">{state.proposal.title}</h2>
          {state.proposal.about && <p>{state.proposal.about}</p>}
          {state.tried && <Numbers {...state.tried} />}
          {state.failure && <Problem failure={state.failure} />}
          <Field id="why" label={t.ask.why} about={t.ask.whyAbout}>
            {(field) => (
              <input
                {...field}
                ref={reason}
                type="text"
                required
                maxLength={500}
                autocomplete="off"
                value={why}
                {...typed(setWhy)}
              />
            )}
          </Field>
          <div class="actions">
            <button type="button" class="button" onClick={() => dialog.current?.close()}>
              {t.cancel}
            </button>
            <button
              ref={yes}
              type="submit"
              class={`button ${state.proposal.danger ? 'danger' : 'primary'}`}
              aria-disabled={state.step === 'doing'}
            >
              {state.step === 'doing' ? t.ask.working : state.proposal.yes}
            </button>
          </div>
        </form>
      )}
    </dialog>
  )
}

/** What a dry run found. */
function Numbers({ now, later }: Tried) {
  return (
    <div class="numbers" data-testid="trial">
      <p>
        <b>{t.ask.reach(now.reaches, now.devices)}</b>
        {later && ` ${t.ask.later(later.trial.reaches, later.trial.devices, moment(later.at))}`}
      </p>
      <ul>
        {(later ?? { trial: now }).trial.moves.map(({ task, from, to, devices }) => (
          <li key={`${task} ${from} ${to}`}>{t.ask.move(task, from, to, devices)}</li>
        ))}
        {Object.entries((later ?? { trial: now }).trial.arms).map(([arm, devices]) => (
          <li key={arm}>{t.ask.arm(arm, devices)}</li>
        ))}
      </ul>
    </div>
  )
}
