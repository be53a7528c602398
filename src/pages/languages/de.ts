// German.
import type { Language } from './language.ts'
import { phrasing } from './phrasing.ts'

const { count, duration, fromNow, date } = phrasing('de')

const problems: Language['problems'] = {
  invalid_credentials: {
    title: 'Name und Passwort passen nicht zusammen',
    text: 'Prüfen Sie beides und versuchen Sie es noch einmal. Beim Passwort zählt Groß- und Kleinschreibung.',
  },
  too_many_attempts: ({ seconds }) => ({
    title: 'Zu viele Versuche',
    text: `Zum Schutz der Konten ist der nächste Versuch erst ${fromNow(seconds)} möglich.`,
  }),
  account_disabled: {
    title: 'Dieses Konto ist abgeschaltet',
    text: 'Das Passwort war richtig, aber die Verwaltung hat das Konto abgeschaltet. Bitte wenden Sie sich an sie.',
  },
  account_locked: ({ seconds }) => ({
    title: 'Zu viele falsche Codes',
    text: `Zum Schutz Ihres Kontos werden vorerst keine Codes angenommen. Versuchen Sie es ${fromNow(seconds)} wieder, oder lassen Sie das Konto von der Verwaltung entsperren.`,
  }),
  username_missing: {
    title: 'Ihr Name fehlt',
    text: 'Geben Sie Ihren Benutzernamen oder Ihre E-Mail-Adresse ein.',
  },
  password_missing: { title: 'Ihr Passwort fehlt', text: 'Geben Sie Ihr Passwort ein.' },
  code_missing: { title: 'Der Code fehlt', text: 'Geben Sie den Code ein.' },
  invalid_code: {
    title: 'Dieser Code stimmt nicht',
    text: 'Codes wechseln alle 30 Sekunden, und jeder gilt einmal. Geben Sie den ein, der jetzt angezeigt wird.',
  },
  invalid_recovery_code: {
    title: 'Dieser Wiederherstellungscode stimmt nicht',
    text: 'Jeder gilt nur einmal. Prüfen Sie ihn, oder nehmen Sie den nächsten auf Ihrer Liste.',
  },
  malformed_code: {
    title: 'Der Code ist nicht vollständig',
    text: 'Prüfen Sie, ob etwas fehlt. Dieser Versuch wurde nicht gezählt.',
  },
  code_does_not_fit: {
    title: 'Dieser Code passt nicht',
    text: 'Warten Sie auf den nächsten Code in Ihrer App und geben Sie diesen ein. Klappt es wieder nicht, scannen Sie den QR-Code noch einmal.',
  },
  wrong_password: {
    title: 'Dieses Passwort stimmt nicht',
    text: 'Prüfen Sie es und versuchen Sie es noch einmal.',
  },
  choice_missing: { title: 'Nichts ist ausgewählt', text: 'Wählen Sie etwas aus, um fortzufahren.' },
  not_saved: {
    title: 'Bitte sichern Sie zuerst die Codes',
    text: 'Sichern Sie sie und setzen Sie dann das Häkchen.',
  },
  wrong_mail_code: { title: 'Dieser Code stimmt nicht', text: 'Geben Sie den aus der neuesten E-Mail ein.' },
  registration_over: {
    title: 'Diese Registrierung ist beendet',
    text: 'Haben Sie Ihre Adresse schon bestätigt, melden Sie sich an. Wenn nicht, wurden Link oder Code nicht innerhalb einer Stunde verwendet, oder der Code war zu oft falsch: Beginnen Sie bitte von vorn.',
  },
  registration_taken: {
    title: 'Jemand war schneller',
    text: 'Der Benutzername oder die Adresse ist inzwischen vergeben. Legen Sie Ihr Konto unter einem anderen Namen an, oder melden Sie sich an, wenn es Ihres ist.',
  },
  form_expired: {
    title: 'Diese Seite war zu lange offen',
    text: 'Nichts wurde gesendet. Was Sie eingegeben haben, ist noch da, außer Passwörtern und Codes: Bitte geben Sie diese noch einmal ein.',
  },
  cookies_missing: {
    title: 'Ihr Browser hat kein Cookie gesendet',
    text: 'Ohne Cookies geht die Anmeldung nicht. Erlauben Sie sie für diese Seite und versuchen Sie es noch einmal.',
  },
  timed_out: {
    title: 'Diese Anmeldung hat zu lange gedauert',
    text: 'Zu Ihrer Sicherheit wurde sie beendet. Gehen Sie dorthin zurück, woher Sie kamen, und melden Sie sich noch einmal an.',
  },
  temporarily_unavailable: {
    title: 'Die Anmeldung ist gerade nicht möglich',
    text: 'Das liegt an uns und ist meist nach einer Minute vorbei. Bitte versuchen Sie es gleich noch einmal.',
  },
  foreign_origin: {
    title: 'Dieses Formular kam von einer anderen Seite',
    text: 'Zu Ihrer Sicherheit wurde nichts damit getan. Gehen Sie dorthin zurück, woher Sie kamen, und beginnen Sie noch einmal.',
  },
  invalid_request: ({ client }) => ({
    title: 'Dieser Link funktioniert nicht',
    text: `${client ?? 'Die Anwendung'} hat eine Anfrage geschickt, die nicht beantwortet werden kann. Bitte sagen Sie es den Entwicklern; was unten steht, hilft ihnen.`,
  }),
  access_denied: {
    title: 'Hierzu haben Sie keinen Zugang',
    text: 'Ihr Konto darf das nicht. Wenn Sie meinen, dass es das sollte, wenden Sie sich an die Verwaltung.',
  },
  not_found: {
    title: 'Diese Seite gibt es nicht',
    text: 'Prüfen Sie die Adresse, oder gehen Sie dorthin zurück, woher Sie kamen.',
  },
  unexpected: {
    title: 'Etwas ist schiefgegangen',
    text: 'Das liegt an uns. Bitte versuchen Sie es noch einmal. Geschieht es wieder, nennen Sie der Verwaltung die Nummer unten.',
  },
}

export const de: Language = {
  tag: 'de',
  name: 'Deutsch',
  phrasing: { count, duration, fromNow, date },
  problems,

  common: {
    error: 'Fehler',
    continue: 'Weiter',
    cancel: 'Abbrechen',
    back: 'Zurück',
    optional: 'freiwillig',
    signedInAs: (name) => `Angemeldet als ${name}`,
    continueTo: (client) => `und weiter zu ${client}`,
    language: 'Sprache',
    links: 'Mehr zu diesem Dienst',
    privacyOf: (client) => `Datenschutz bei ${client}`,
    termsOf: (client) => `Bedingungen von ${client}`,
    requestId: 'Nummer dieser Anfrage',
    timeLeft: (seconds) => `Noch ${duration(seconds)}`,
    timeLeftPattern: 'Noch {time}',
    oneMinuteLeft: 'Noch eine Minute.',
    timeIsUp: 'Die Zeit ist um. Gehen Sie zurück und beginnen Sie noch einmal.',
  },

  signIn: {
    title: 'Anmelden',
    again: 'Bitte melden Sie sich noch einmal an',
    againText: 'Zu Ihrer Sicherheit ist eine frische Anmeldung nötig.',
    againFor: (client) => `${client} verlangt eine frische Anmeldung.`,
    username: 'Benutzername oder E-Mail-Adresse',
    password: 'Passwort',
    showPassword: 'Passwort anzeigen',
    hidePassword: 'Passwort verbergen',
    remember: 'Meinen Namen auf diesem Gerät merken',
    submit: 'Anmelden',
    noAccount: 'Noch kein Konto?',
    register: 'Konto anlegen',
  },

  secondFactor: {
    stepUpTitle: 'Bestätigen Sie, dass Sie es sind',
    stepUpFor: (what) => `Das ist nötig, um ${what}.`,
    stepUpAsked: (client) => `${client} verlangt das.`,
    totp: {
      title: 'Geben Sie Ihren Code ein',
      text: (digits) =>
        `Öffnen Sie Ihre Authenticator-App und geben Sie die ${digits} Ziffern ein, die sie zeigt.`,
      label: (digits) => `${digits}-stelliger Code`,
      use: 'Authenticator-App verwenden',
    },
    recovery_code: {
      title: 'Wiederherstellungscode verwenden',
      text: 'Geben Sie einen der Codes ein, die Sie beim Einrichten gesichert haben. Jeder gilt einmal.',
      label: 'Wiederherstellungscode',
      use: 'Wiederherstellungscode verwenden',
    },
    submit: 'Bestätigen',
    attemptsRemaining: (attempts) =>
      count(attempts, {
        one: 'Noch # Versuch, dann wird das Konto gesperrt.',
        other: 'Noch # Versuche.',
      }),
    cancel: 'Abbrechen und zurück',
  },

  stepUp: {
    title: 'Bestätigen Sie, dass Sie es sind',
    text: 'Geben Sie Ihr Passwort ein, um fortzufahren.',
    submit: 'Bestätigen',
  },

  enrollment: {
    title: 'Schützen Sie Ihr Konto',
    text: 'Ein zweiter Nachweis neben dem Passwort hält andere fern, selbst wenn sie Ihr Passwort erfahren.',
    required: 'Ihre Organisation verlangt das. Es dauert etwa eine Minute.',
    choose: 'Womit möchten Sie bestätigen, dass Sie es sind?',
    totp: {
      name: 'Authenticator-App',
      text: 'Eine App auf Ihrem Telefon zeigt alle 30 Sekunden einen neuen Code.',
    },
    submit: 'Weiter',
    step: (step, of) => `Schritt ${step} von ${of}`,
    totpTitle: 'Verbinden Sie Ihre Authenticator-App',
    totpScan: 'Öffnen Sie Ihre Authenticator-App und scannen Sie diesen QR-Code.',
    noApp: 'Noch keine App?',
    noAppText:
      'Google Authenticator, Microsoft Authenticator, Aegis, 2FAS, 1Password und viele andere eignen sich. Sie finden sie im App-Store Ihres Telefons.',
    qrAlt: 'QR-Code für Ihre Authenticator-App. Der Schlüssel darunter ist dasselbe als Text.',
    openApp: 'In einer App auf diesem Gerät öffnen',
    cannotScan: 'Sie können ihn nicht scannen?',
    key: 'Schlüssel',
    keyText: 'Geben Sie diesen Schlüssel in Ihrer App ein, als zeitbasierten Code.',
    account: 'Konto',
    copy: 'Kopieren',
    copied: 'Kopiert',
    codeLabel: (digits) => `${digits}-stelliger Code aus der App`,
    confirm: 'Bestätigen',
    againText:
      'QR-Code und Schlüssel wurden nur einmal gezeigt. Hat Ihre App noch keinen Eintrag, beginnen Sie von vorn.',
    again: 'Von vorn beginnen, mit neuem QR-Code',
  },

  recoveryCodes: {
    title: 'Sichern Sie Ihre Wiederherstellungscodes',
    text: 'Wenn Sie Ihr Telefon verlieren, melden Sie sich mit einem dieser Codes an. Jeder gilt einmal. Sie werden nur jetzt gezeigt.',
    listLabel: 'Wiederherstellungscodes',
    copy: 'Kopieren',
    copied: 'Kopiert',
    download: 'Speichern',
    print: 'Drucken',
    printedFor: (service) => `Wiederherstellungscodes für ${service}`,
    printedAccount: (account) => `Konto: ${account}`,
    printedDate: (when) => `Erstellt am ${date(when)}`,
    printedText: 'Jeder Code gilt einmal. Bewahren Sie dieses Blatt so auf, dass andere es nicht sehen.',
    saved: 'Ich habe sie an einem sicheren Ort gesichert',
    submit: 'Weiter',
  },

  consent: {
    title: (client) => `${client} bittet um Zugriff`,
    text: (client) => `Wenn Sie zustimmen, kann ${client}:`,
    scopes: {
      openid: 'wissen, wer Sie bei diesem Dienst sind',
      profile: 'Ihren Namen und Ihr Profil sehen',
      email: 'Ihre E-Mail-Adresse sehen',
      phone: 'Ihre Telefonnummer sehen',
      address: 'Ihre Anschrift sehen',
      roles: 'Ihre Rollen sehen',
      offline_access: 'den Zugriff behalten, während Sie nicht da sind',
    },
    otherScope: (scope) => `„${scope}“ verwenden`,
    about: (client) => `Über ${client}`,
    claims: 'Verlangt werden außerdem diese Angaben:',
    allow: 'Zustimmen',
    deny: 'Ablehnen',
    revocable: 'Das können Sie jederzeit in Ihrem Konto zurücknehmen.',
  },

  selectAccount: {
    title: 'Wählen Sie ein Konto',
    current: 'Angemeldet',
    other: 'Ein anderes Konto verwenden',
  },

  signOut: {
    title: 'Abmelden?',
    text: (name) => `Sie sind als ${name} angemeldet.`,
    textFor: (client) =>
      `${client} möchte Sie hier abmelden, und in allen Anwendungen, die Sie von hier aus erreicht haben.`,
    everywhere: 'Sie werden hier abgemeldet, und in allen Anwendungen, die Sie von hier aus erreicht haben.',
    submit: 'Abmelden',
    cancel: 'Angemeldet bleiben',
    doneTitle: 'Sie sind abgemeldet',
    doneText:
      'Sie können dieses Fenster nun schließen. An einem gemeinsamen Computer schließen Sie den ganzen Browser.',
    again: 'Wieder anmelden',
    backTo: (client) => `Zurück zu ${client}`,
  },

  error: {
    back: 'Zurück',
    details: 'Für die Entwickler der Anwendung',
  },

  formPost: {
    title: 'Einen Moment',
    text: 'Sie sind angemeldet und werden zurückgeleitet.',
    textTo: (client) => `Sie werden zu ${client} zurückgeleitet.`,
    submit: 'Weiter',
    noScript: 'Drücken Sie den Knopf, um fortzufahren.',
  },

  register: {
    title: 'Legen Sie Ihr Konto an',
    username: 'Benutzername',
    email: 'E-Mail-Adresse',
    emailHint: 'Dorthin schicken wir eine Nachricht zur Bestätigung.',
    displayName: 'Ihr Name',
    password: 'Passwort',
    passwordHint: (length) =>
      `Mindestens ${count(length, { one: '# Zeichen', other: '# Zeichen' })}. Gut sind ein paar Wörter, die nichts miteinander zu tun haben.`,
    submit: 'Konto anlegen',
    haveAccount: 'Haben Sie ein Konto?',
    signIn: 'Anmelden',
    problemTitle: 'Bitte prüfen Sie Ihre Angaben',
    problems: {
      missing: 'Das fehlt.',
      malformed: 'Das sieht nicht richtig aus.',
      malformed_email: 'Das ist keine vollständige E-Mail-Adresse wie ada@example.org.',
      malformed_username:
        'Verwenden Sie Buchstaben, Ziffern, Punkte, Binde- und Unterstriche, am Anfang einen Buchstaben oder eine Ziffer.',
      taken: 'Das ist schon vergeben. Wählen Sie etwas anderes.',
      too_short: 'Das ist zu kurz.',
      too_long: 'Das ist zu lang.',
      too_common: 'Dieses Passwort ist weithin bekannt. Wählen Sie ein anderes.',
      contains_name: 'Das Passwort darf weder Ihren Namen noch den Namen dieses Dienstes enthalten.',
      repetitive: 'Das wiederholt nur ein paar Zeichen. Wählen Sie etwas anderes.',
    },
  },

  checkMail: {
    title: 'Sehen Sie in Ihre E-Mails',
    text: (address) =>
      `Wir haben eine Nachricht an ${address} geschickt. Geben Sie den Code daraus ein, oder öffnen Sie den Link.`,
    code: (digits) => `${digits}-stelliger Code aus der E-Mail`,
    submit: 'Bestätigen',
    hint: 'Nach ein paar Minuten nichts da? Sehen Sie im Spam-Ordner nach.',
    resend: 'Noch einmal senden',
    resent: 'Wir haben sie noch einmal gesendet.',
  },

  confirmAddress: {
    title: 'Bestätigen Sie Ihre Adresse',
    text: (username, address) => `Für ${address} wird ein Konto mit dem Benutzernamen ${username} angelegt.`,
    submit: 'Konto anlegen',
    notYou: 'Waren Sie das nicht, schließen Sie diese Seite: Es wird kein Konto angelegt.',
  },

  addressConfirmed: {
    title: 'Ihr Konto ist fertig',
    text: 'Ihre Adresse ist bestätigt. Melden Sie sich mit Benutzernamen und Passwort an; kamen Sie von einer Anwendung, gehen Sie zu ihr zurück.',
  },

  registrationMail: {
    subject: (service) => `Bestätigen Sie Ihre Adresse für ${service}`,
    text: (service) =>
      `Jemand, wahrscheinlich Sie, möchte mit dieser Adresse ein Konto bei ${service} anlegen.`,
    confirm: 'Adresse bestätigen',
    code: 'Oder geben Sie diesen Code auf der Seite ein, auf der Sie begonnen haben:',
    validFor: 'Link und Code gelten eine Stunde lang und nur einmal.',
    notYou: 'Waren Sie das nicht, tun Sie nichts: Es wird kein Konto angelegt.',
    knownSubject: (service) => `Sie haben ein Konto bei ${service}`,
    knownText: (service, username) =>
      `Jemand, wahrscheinlich Sie, wollte mit dieser Adresse ein Konto bei ${service} anlegen. Sie haben schon eines${username === null ? '' : `; sein Benutzername ist ${username}`}.`,
    signIn: 'Anmelden',
    knownNotYou: 'Waren Sie das nicht, tun Sie nichts: Ihr Konto ist, wie es war.',
  },

  consents: {
    title: 'Anwendungen mit Zugriff',
    text: 'Diesen Anwendungen haben Sie erlaubt, Angaben Ihres Kontos zu sehen.',
    none: 'Keine Anwendung hat Zugriff auf Ihr Konto.',
    since: (when) => `Seit ${date(when)}`,
    revoke: 'Zurücknehmen',
    revokeFor: (client) => `Den Zugriff von ${client} zurücknehmen`,
    revoked: (client) => `${client} hat keinen Zugriff mehr.`,
  },
}
