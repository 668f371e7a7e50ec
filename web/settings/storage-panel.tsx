import { useEffect, useState } from 'preact/hooks'
import type { DeviceApi, Status } from '../../shared/protocol.ts'
import { Panel } from '../parts.tsx'
import { size } from '../phrases.ts'
import { t } from '../strings/index.ts'

interface StorageProps {
  device: Pick<DeviceApi, 'persisted'>
  persistent: Status['persistent']
}

/** Whether the browser keeps what was learnt, and how much room that takes. */
export function StoragePanel({ device, persistent }: StorageProps) {
  const [room, setRoom] = useState<StorageEstimate>({})
  // Without a secure context there is none of it.
  const storage = navigator.storage as Partial<StorageManager> | undefined
  useEffect(() => {
    storage?.estimate?.().then(setRoom, () => {})
  }, [storage])

  const ask = async () => {
    const granted = await storage!.persist!()
    await device.persisted({ granted })
  }
  return (
    <Panel title={t.settings.storage}>
      <p role="status" data-testid="persistent" data-value={persistent ?? ''}>
        {persistent
          ? t.settings.keptSafe
          : persistent === null
            ? t.settings.keptNotAsked
            : t.settings.keptMaybe}
      </p>
      {!persistent && storage?.persist && (
        <button type="button" class="button" onClick={() => void ask().catch(() => {})}>
          {t.settings.askToKeep}
        </button>
      )}
      {room.usage !== undefined && (
        <p class="quiet">
          {room.quota
            ? t.settings.usingOf(size(room.usage), size(room.quota))
            : t.settings.using(size(room.usage))}
        </p>
      )}
    </Panel>
  )
}
