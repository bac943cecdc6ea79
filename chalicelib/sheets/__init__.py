"""Files that people export from spreadsheets and other systems: encodings, rows, cells. Pure; no room's business."""
