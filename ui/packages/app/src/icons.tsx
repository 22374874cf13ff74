// The app's icons: 24-unit strokes that take the text's colour and are silent for screen readers.

const PATHS = {
  add: "M12 5v14M5 12h14",
  back: "M15 5l-7 7 7 7",
  check: "M5 12.5l4.5 4.5L19 7.5",
  close: "M6 6l12 12M18 6L6 18",
  code: "M8 7l-5 5 5 5M16 7l5 5-5 5",
  copy: "M9 9h10v10H9zM5 15V5h10",
  down: "M12 5v14M6 13l6 6 6-6",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  edit: "M4 20l1-4L16.5 4.5l3 3L8 19z",
  help: "M9.2 9a3 3 0 1 1 4.2 2.8c-.9.4-1.4 1.1-1.4 2.2M12 17.5v.2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z",
  markdown: "M3 18V6l5 6 5-6v12M18.5 6v11M15.5 14l3 3.5 3-3.5",
  notebook: "M6 3h13v18H6zM6 3v18M3.5 8H6M3.5 12H6M3.5 16H6M10 8h5",
  restart: "M20 12a8 8 0 1 1-2.5-5.8M20 3v5h-5",
  run: "M8 5l11 7-11 7z",
  runAll: "M4 5l8 7-8 7zM13 5l8 7-8 7z",
  stop: "M7 7h10v10H7z",
  trash: "M4 7h16M9 7V4h6v3M6.5 7l1 13h9l1-13M10 11v5M14 11v5",
  up: "M12 19V5M6 11l6-6 6 6",
  upload: "M12 16V5M7 9l5-5 5 5M5 20h14",
} as const;

export type IconName = keyof typeof PATHS;

const FILLED: ReadonlySet<IconName> = new Set(["run", "runAll", "stop"]);

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg className={FILLED.has(name) ? "icon filled" : "icon"} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

interface IconButtonProps {
  readonly icon: IconName;
  readonly label: string;
  readonly onClick: () => void;
  readonly testId?: string;
  readonly disabled?: boolean;
  readonly className?: string;
}

/** A button of which only the icon is seen; the label is its name and its tooltip. */
export function IconButton({ icon, label, onClick, testId, disabled = false, className = "" }: IconButtonProps) {
  return (
    <button
      type="button"
      className={`icon-button ${className}`}
      aria-label={label}
      title={label}
      data-testid={testId}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}
