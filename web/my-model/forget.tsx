import { useRef, useState } from 'preact/hooks'
import { type Failure, toFailure } from '../../shared/failure.ts'
import type { CallOutput, DeviceApi, Status } from '../../shared/protocol.ts'
import { Fault, Panel } from '../parts.tsx'
import { countOf } from '../phrases.ts'

interface ForgetProps {
  device: Pick<DeviceApi, 'forget'>
  status: Status
  /** Before: so that nothing gathered arrives afterwards. After: the feed begins anew. */
  onForget: { before(): Promise<void>; after(): Promise<void> }
}

type Step =
  | { step: 'none' }
  | { step: 'erasing' }
  | { step: 'done'; erased: CallOutput<'forget'> }
  | { step: 'failed'; failure: Failure }

/** What is on the device at the moment, in words. */
function held({ events, samples, models, rounds }: Status): string {
  return [
    countOf(events.waiting, 'unsent event'),
    countOf(samples.local + samples.matched, 'sample'),
    countOf(models.length, 'model'),
  ]
    .join(', ')
    .concat(` and the record of ${countOf(rounds.length, 'round')}`)
}

/** Erasing everything, here and on the server, after asking. */
export function Forget({ device, status, onForget }: ForgetProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [state, setState] = useState<Step>({ step: 'none' })

  async function forget(): Promise<void> {
    dialog.current?.close()
    setState({ step: 'erasing' })
    try {
      await onForget.before()
      setState({ step: 'done', erased: await device.forget(null) })
      await onForget.after()
    } catch (error) {
      setState({ step: 'failed', failure: toFailure(error) })
    }
  }

  return (
    <Panel title="Forget me">
      <p>Erases what Kindred knows of you on this device and on the server. The feed starts over.</p>
      <button
        type="button"
        class="button danger"
        disabled={state.step === 'erasing'}
        onClick={() => dialog.current?.showModal()}
      >
        Forget everything
      </button>
      <div role="status">
        {state.step === 'erasing' && <p>Erasing…</p>}
        {state.step === 'done' && <Erased {...state.erased} />}
      </div>
      {state.step === 'failed' && <Fault failure={state.failure} />}
      <dialog ref={dialog} aria-labelledby="forget-title">
        <h2 id="forget-title">Forget everything?</h2>
        <p>
          This device now holds {held(status)}. They go, and so does all that the server has from this device.
        </p>
        <p>This cannot be undone.</p>
        <div class="actions">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="button" class="button danger" onClick={() => void forget()}>
            Yes, forget everything
          </button>
        </div>
      </dialog>
    </Panel>
  )
}

function Erased({ here, server, owed }: CallOutput<'forget'>) {
  return (
    <div class="erased" data-testid="erased">
      <p>
        Removed here: {countOf(here.events, 'event')}, {countOf(here.samples, 'sample')},{' '}
        {countOf(here.models, 'model')} and the record of {countOf(here.rounds, 'round')}.
      </p>
      {server && (
        <p>
          Removed on the server: {countOf(server.events, 'event')}, {countOf(server.samples, 'sample')},{' '}
          {countOf(server.mappings, 'match')} that named them.
        </p>
      )}
      {owed && (
        <p>The server could not be told yet: that is the first thing it hears when it can be reached.</p>
      )}
      {!server && !owed && <p>The server had nothing from this device.</p>}
    </div>
  )
}
