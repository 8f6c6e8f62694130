DELETE FROM call WHERE seq < $1
