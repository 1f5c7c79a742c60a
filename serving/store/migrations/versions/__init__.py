"""One file for each revision; a revision that has been released is never edited."""
