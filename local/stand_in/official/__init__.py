"""Official Accounts: media, drafts, publishing, mass sending, what became of it, and how often it was read."""
