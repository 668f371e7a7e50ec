/** Everything that the page says, in German. */
import type { Strings } from './en.ts'

export const de: Strings = {
  app: {
    name: 'Kindred',
    skip: 'Zum Inhalt springen',
    views: 'Ansichten',
    feed: 'Feed',
    myModel: 'Mein Modell',
    settings: 'Einstellungen',
    loading: 'Wird geladen …',
    notLoaded: 'Dieser Teil der App konnte nicht geladen werden.',
    reload: 'Neu laden',
    reloadPage: 'Seite neu laden',
    again: 'Noch einmal versuchen',
    newVersion: 'Eine neue Version ist bereit.',
  },
  item: {
    title: 'Eintrag',
    back: 'Zurück zum Feed',
    gone: 'Das steht nicht in dem Katalog, den das Gerät jetzt hat.',
  },
  settings: {},
  failure: {
    cancelled: 'Das wurde angehalten.',
    'bad-input': 'Etwas kam an, das nicht passt.',
    'bad-artifact': 'Eine Datei kam beschädigt an und wurde nicht verwendet.',
    diverged: 'Das Training ist entgleist; sein Ergebnis wurde verworfen.',
    engine: 'Dieser Browser konnte die Berechnung nicht ausführen.',
    offline: 'Der Server ist nicht erreichbar.',
    refused: 'Der Server hat abgelehnt.',
    unauthorised: 'Der Server kennt dieses Gerät nicht mehr.',
    storage: 'Der Speicher dieses Geräts hat versagt.',
    'not-ready': 'Auf diesem Gerät ist noch kein Modell.',
    version: 'Eine neuere Version der App wird gebraucht.',
    worker: 'Der Teil der App, der lernt, ist stehen geblieben.',
  },
}
