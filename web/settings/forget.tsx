import { useRef, useState } from 'preact/hooks'
import { type Failure, toFailure } from '../../shared/error.ts'
import type { CallOutput, DeviceApi, Status } from '../../shared/protocol.ts'
import { Fault, Panel } from '../parts.tsx'
import { t } from '../strings/index.ts'

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

/** Erasing everything, here and on the server, after asking. */
export function Forget({ device, status, onForget }: ForgetProps) {
  const { events, samples, models, rounds } = status
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
    <Panel title={t.forget.title}>
      <p>{t.forget.about}</p>
      <button
        type="button"
        class="button danger"
        disabled={state.step === 'erasing'}
        onClick={() => dialog.current?.showModal()}
      >
        {t.forget.everything}
      </button>
      <div role="status">
        {state.step === 'erasing' && <p>{t.forget.erasing}</p>}
        {state.step === 'done' && <Erased {...state.erased} />}
      </div>
      {state.step === 'failed' && <Fault failure={state.failure} />}
      <dialog ref={dialog} aria-labelledby="forget-title">
        <h2 id="forget-title">{t.forget.ask}</h2>
        <p>{t.forget.held(events.waiting, samples.local + samples.matched, models.length, rounds.length)}</p>
        <p>{t.forget.noUndo}</p>
        <div class="actions">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            {t.app.cancel}
          </button>
          <button type="button" class="button danger" onClick={() => void forget()}>
            {t.forget.yes}
          </button>
        </div>
      </dialog>
    </Panel>
  )
}

function Erased({ here, server, owed }: CallOutput<'forget'>) {
  return (
    <div class="erased" data-testid="erased">
      <p>{t.forget.here(here.events, here.samples, here.models, here.rounds)}</p>
      {server && <p>{t.forget.server(server.events, server.samples, server.mappings)}</p>}
      {owed && <p>{t.forget.owed}</p>}
      {!server && !owed && <p>{t.forget.nothing}</p>}
    </div>
  )
}
