"""The parts of sandwich-cf: a reader for sendmail.cf, the two variants, and the lint."""
