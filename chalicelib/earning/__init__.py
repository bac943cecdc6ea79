"""Earning: activities become awards. Check-ins by the member, orders by feed, file and stream."""
