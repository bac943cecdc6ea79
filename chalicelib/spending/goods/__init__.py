"""What a member can be given (权益实物): coupons, codes, badges, parcels; and the stock they come from."""
