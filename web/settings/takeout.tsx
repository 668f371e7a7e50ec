/** Everything that the device holds, as a file to keep or to bring into another browser. */
import { useRef, useState } from 'preact/hooks'
import { type Failure, toFailure } from '../../shared/error.ts'
import type { DeviceApi } from '../../shared/protocol.ts'
import { Fault, Panel } from '../parts.tsx'
import { t } from '../strings/index.ts'

interface TakeoutProps {
  device: Pick<DeviceApi, 'takeOut' | 'bringIn'>
  /** The feed begins anew from what was brought in. */
  onBroughtIn: () => Promise<void>
}

type Step = keyof typeof t.takeout.steps
export function Takeout({ device, onBroughtIn }: TakeoutProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const picker = useRef<HTMLInputElement>(null)
  const [step, setStep] = useState<Step>('none')
  const [failure, setFailure] = useState<Failure | null>(null)
  const [file, setFile] = useState<File | null>(null)
  const busy = step === 'taking' || step === 'bringing'

  async function run(doing: Step, done: Step, work: () => Promise<void>): Promise<void> {
    setFailure(null)
    setStep(doing)
    try {
      await work()
      setStep(done)
    } catch (error) {
      setStep('none')
      setFailure(toFailure(error, 'bad-input'))
    }
  }

  const take = () =>
    run('taking', 'taken', async () => {
      const { name, bytes } = await device.takeOut(null)
      download(name, new Blob([bytes], { type: 'application/zip' }))
    })

  const bring = () => {
    dialog.current?.close()
    const chosen = file
    return run('bringing', 'brought', async () => {
      if (chosen) await device.bringIn({ bytes: new Uint8Array(await chosen.arrayBuffer()) })
      await onBroughtIn()
    })
  }

  return (
    <Panel title={t.takeout.title}>
      <p>{t.takeout.about}</p>
      <div class="actions">
        <button type="button" class="button" disabled={busy} onClick={() => void take()}>
          {t.takeout.save}
        </button>
        <button type="button" class="button" disabled={busy} onClick={() => picker.current?.click()}>
          {t.takeout.bring}
        </button>
        <input
          ref={picker}
          class="sr-only"
          type="file"
          accept=".zip,application/zip"
          aria-label={t.takeout.file}
          tabIndex={-1}
          onChange={({ currentTarget }) => {
            setFile(currentTarget.files?.[0] ?? null)
            currentTarget.value = ''
            dialog.current?.showModal()
          }}
        />
      </div>
      <p role="status">{t.takeout.steps[step]}</p>
      {failure && <Fault failure={failure} />}
      <dialog ref={dialog} aria-labelledby="bring-title">
        <h2 id="bring-title">{t.takeout.ask(file?.name ?? '')}</h2>
        <p>{t.takeout.replaces}</p>
        <div class="actions">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            {t.app.cancel}
          </button>
          <button type="button" class="button primary" onClick={() => void bring()}>
            {t.takeout.replace}
          </button>
        </div>
      </dialog>
    </Panel>
  )
}

function download(name: string, blob: Blob): void {
  const href = URL.createObjectURL(blob)
  Object.assign(document.createElement('a'), { href, download: name }).click()
  // Not at once: the browser has yet to open it.
  setTimeout(() => URL.revokeObjectURL(href), 60_000)
}
